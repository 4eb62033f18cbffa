import type { ServerEvent } from '../../../server.ts';
import type { PhaseCost } from '../../../net/session.ts';
import * as format from '../../../shared/format.ts';

/** What a log tells. The line of an answer says what its preparation cost. */
export type LoggedEvent = Exclude<ServerEvent, { kind: 'prepared' }>;

export function isLogged(event: ServerEvent): event is LoggedEvent {
  return event.kind !== 'prepared';
}

/** An event in words, for people. */
export function eventText(event: LoggedEvent): string {
  if (event.kind === 'refused') return `refused ${event.peer}: ${event.reason}`;
  const head = `session ${event.session} of ${event.peer}:`;
  switch (event.kind) {
    case 'opened':
      return `${head} opened`;
    case 'resumed':
      return `${head} continues with ${event.prepared} prepared inferences`;
    case 'limited':
      return `${head} refused a request: ${event.reason}`;
    case 'closed':
      return event.error ? `${head} ended: ${event.error.message}${keptText(event.kept)}` : `${head} closed`;
    case 'inference':
      return `${head} answered; offline ${costText(event.offline)}, online ${costText(event.online)}`;
  }
}

function keptText(prepared: number): string {
  return prepared === 0 ? '' : `; ${prepared} prepared inferences are kept`;
}

function costText({ seconds, bytes_up, bytes_down }: PhaseCost): string {
  return `${format.duration(seconds)} and ${format.bytes(bytes_up + bytes_down)}`;
}

/** An event for --json and --log json: what happened, for which client and at what cost. */
export function eventValue(event: LoggedEvent): object {
  switch (event.kind) {
    case 'inference':
      return { ...event, offline: figures(event.offline), online: figures(event.online) };
    case 'closed': {
      const { error, ...rest } = event;
      return { ...rest, reason: error === undefined ? null : error.message };
    }
    case 'opened':
    case 'resumed':
    case 'limited':
    case 'refused':
      return { ...event };
  }
}

function figures({ seconds, bytes_up, bytes_down }: PhaseCost) {
  return { seconds, bytesUp: bytes_up, bytesDown: bytes_down };
}
