import type { PhaseCost } from '../net/session.ts';

/** `peer` is the client's name: that of its token, or its address where there are no tokens. */
type OfSession = { readonly session: number; readonly peer: string };

/** The model of a session: its name and the hash of its plan. */
type OfModel = { readonly model: string; readonly plan: string };

/** What happens at a server. */
export type ServerEvent =
  | ({ readonly kind: 'opened' } & OfSession)
  /** No session began. */
  | { readonly kind: 'refused'; readonly peer: string; readonly reason: string }
  /** A client that had lost its connection continues with what it had prepared. */
  | ({ readonly kind: 'resumed'; readonly prepared: number } & OfSession & OfModel)
  /** A request was refused, and the session goes on. */
  | ({ readonly kind: 'limited'; readonly reason: string } & OfSession & OfModel)
  /** An inference is ready to be asked for: this party's offline phase of it has ended. */
  | ({ readonly kind: 'prepared'; readonly offline: PhaseCost } & OfSession & OfModel)
  | ({ readonly kind: 'inference'; readonly offline: PhaseCost; readonly online: PhaseCost } & OfSession &
      OfModel)
  /**
   * `kept`: prepared inferences with which the client may continue; `error`: why it ended, if not by itself.
   */
  | ({ readonly kind: 'closed'; readonly error?: Error; readonly kept: number } & OfSession &
      Partial<OfModel>);
