import { describe, expect, test } from 'vitest';
import { createMetrics } from '../../../src/serving/metrics.ts';
import { startServer } from '../../../src/server.ts';
import { serveMetrics } from '../../../src/cli/commands/serve/metrics-server.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { tinyPlan, tinyWeights } from '../../helpers/networks/networks.ts';

const of = { session: 1, peer: 'a' };
const model = { model: 'm', plan: 'f'.repeat(64) };
const cost = (seconds: number, up: number) => ({ seconds, bytes_up: up, bytes_down: 2 * up, steps: [] });

/** The value of a series. */
async function value(metrics: ReturnType<typeof createMetrics>, series: string): Promise<number> {
  const { body } = await metrics.read();
  const line = body.split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

describe('metrics', () => {
  test('count sessions, answers, seconds and bytes by phase', async () => {
    const metrics = createMetrics();
    metrics.record({ kind: 'opened', ...of });
    metrics.record({ kind: 'opened', ...of, session: 2 });
    metrics.record({ kind: 'inference', ...of, ...model, offline: cost(2, 100), online: cost(0.05, 7) });
    metrics.record({ kind: 'closed', ...of, kept: 3, error: new ProtocolError('x') });
    expect(await value(metrics, 'reluctant_sessions')).toBe(1);
    expect(await value(metrics, 'reluctant_kept_inferences_total')).toBe(3);
    expect(await value(metrics, 'reluctant_inferences_total{model="m"}')).toBe(1);
    expect(await value(metrics, 'reluctant_sessions_ended_total{cause="ProtocolError"}')).toBe(1);
    const online = 'reluctant_phase_seconds_bucket{le="0.1",model="m",phase="online"}';
    expect(await value(metrics, online)).toBe(1);
    expect(await value(metrics, online.replace('online', 'offline'))).toBe(0);
    const down = 'reluctant_bytes_total{model="m",phase="offline",direction="down"}';
    expect(await value(metrics, down)).toBe(200);
  });

  test('sum refusals by reason, whatever numbers and names stand in it', async () => {
    const metrics = createMetrics();
    for (const reason of [
      'it shows no token',
      'one client may begin 10 inferences a minute; try again in 3.0 s',
      'one client may begin 10 inferences a minute; try again in 2.0 s',
      'something new',
    ])
      metrics.record({ kind: 'refused', peer: 'a', reason });
    expect(await value(metrics, 'reluctant_refusals_total{reason="token"}')).toBe(1);
    expect(await value(metrics, 'reluctant_refusals_total{reason="rate"}')).toBe(2);
    expect(await value(metrics, 'reluctant_refusals_total{reason="other"}')).toBe(1);
  });

  test('are text for a scraper, with memory and the delay of the event loop, on a port of their own', async () => {
    const server = await serveMetrics('127.0.0.1', 0, createMetrics());
    const answer = await fetch(server.url);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    expect(text).toMatch(/^reluctant_process_resident_memory_bytes \d+/m);
    expect(text).toMatch(/^reluctant_nodejs_eventloop_lag_p99_seconds /m);
    expect((await fetch(server.url.replace('/metrics', '/'))).status).toBe(404);
    await expect(
      serveMetrics('127.0.0.1', Number(new URL(server.url).port), createMetrics()),
    ).rejects.toThrow(/--metrics-port \d+: listen EADDRINUSE/);
    server.close();
  });

  test('are told on the port of the clients where that is wanted, to who shows a token', async () => {
    const metrics = createMetrics();
    const model = { plan: tinyPlan, weights: tinyWeights(), threads: 1 };
    const [token, readMetrics] = ['0123456789abcdef', () => metrics.read()];
    const server = await startServer({ ...model, tokens: [token], readMetrics });
    const url = server.url.replace('ws:', 'http:') + '/metrics';
    expect((await fetch(url)).status).toBe(401);
    const shown = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    expect(shown.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await shown.text()).toMatch(/^reluctant_sessions 0$/m);
    await server.close();
    const other = await startServer(model);
    expect((await fetch(other.url.replace('ws:', 'http:') + '/metrics')).status).toBe(404);
    await other.close();
  });
});
