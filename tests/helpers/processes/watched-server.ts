import { startServer } from '../../../src/server.ts';
import type { RunningServer, ServerEvent, ServerOptions } from '../../../src/server.ts';

export type WatchedServer = RunningServer & {
  /** The next event of this kind that no call has taken. */
  eventOf<K extends ServerEvent['kind']>(kind: K): Promise<Extract<ServerEvent, { kind: K }>>;
};

/** A server whose events a test can wait for. */
export async function watchedServer(options: Omit<ServerOptions, 'onEvent'>): Promise<WatchedServer> {
  const events: ServerEvent[] = [];
  let wake: () => void = () => undefined;
  const onEvent = (event: ServerEvent) => {
    events.push(event);
    wake();
  };
  const server = await startServer({ ...(options as ServerOptions), onEvent });
  return {
    ...server,
    eventOf: async (kind) => {
      for (;;) {
        const at = events.findIndex((event) => event.kind === kind);
        if (at !== -1) return events.splice(at, 1)[0] as never;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
