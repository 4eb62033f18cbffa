import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { ServerEvent } from './events.ts';

/** What a scraper reads of a server, and how events change it. */
export type Metrics = {
  record(event: ServerEvent): void;
  /** The text of the Prometheus exposition format, and its media type. */
  read(): Promise<{ readonly body: string; readonly type: string }>;
};

/** Seconds: an online phase takes some milliseconds to seconds, an offline phase seconds to minutes. */
const buckets = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];

/** Why something was refused or ended, without what differs each time, which would make a series each. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [/token/, 'token'],
  [/the server is busy/, 'full'],
  [/this client has/, 'sessions of the client'],
  [/inferences a minute/, 'rate'],
  [/prepared already/, 'prepared'],
  [/shutting down/, 'shutdown'],
  [/^pages of/, 'origin'],
];

function reasonOf(text: string): string {
  return reasons.find(([pattern]) => pattern.test(text))?.[1] ?? 'other';
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const of = { registers: [registry] };
  collectDefaultMetrics({ register: registry, prefix: 'reluctant_' });
  const sessions = new Gauge({ name: 'reluctant_sessions', help: 'open sessions', ...of });
  const parked = new Counter({
    name: 'reluctant_kept_inferences_total',
    help: 'prepared inferences that were kept when a connection broke',
    ...of,
  });
  const inferences = new Counter({
    name: 'reluctant_inferences_total',
    help: 'private answers',
    labelNames: ['model'] as const,
    ...of,
  });
  const seconds = new Histogram({
    name: 'reluctant_phase_seconds',
    help: 'seconds of a phase of an inference',
    labelNames: ['model', 'phase'] as const,
    buckets,
    ...of,
  });
  const bytes = new Counter({
    name: 'reluctant_bytes_total',
    help: 'bytes of inferences; up is from clients to the server',
    labelNames: ['model', 'phase', 'direction'] as const,
    ...of,
  });
  const refusals = new Counter({
    name: 'reluctant_refusals_total',
    help: 'connections and requests that were refused',
    labelNames: ['reason'] as const,
    ...of,
  });
  const ends = new Counter({
    name: 'reluctant_sessions_ended_total',
    help: 'sessions that ended, by whose fault',
    labelNames: ['cause'] as const,
    ...of,
  });
  const record = (event: ServerEvent) => {
    switch (event.kind) {
      case 'opened':
        return sessions.inc();
      case 'closed':
        sessions.dec();
        parked.inc(event.kept);
        return ends.inc({ cause: event.error?.name ?? 'goodbye' });
      case 'refused':
      case 'limited':
        return refusals.inc({ reason: reasonOf(event.reason) });
      case 'resumed':
      case 'prepared': // Its offline phase counts with its answer.
        return;
      case 'inference': {
        const { model } = event;
        inferences.inc({ model });
        for (const phase of ['offline', 'online'] as const) {
          const { seconds: taken, bytes_up, bytes_down } = event[phase];
          seconds.observe({ model, phase }, taken);
          bytes.inc({ model, phase, direction: 'up' }, bytes_up);
          bytes.inc({ model, phase, direction: 'down' }, bytes_down);
        }
        return;
      }
    }
  };
  return {
    record,
    read: async () => ({ body: await registry.metrics(), type: registry.contentType }),
  };
}
