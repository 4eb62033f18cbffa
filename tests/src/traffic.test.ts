import { expect, test, vi } from 'vitest';
import { bothWays, predictCost } from '../../pipelines/cost/bytes.ts';
import { settingsFor } from '../../pipelines/cost/transfer-settings.ts';
import { inferenceProgress } from '../../src/cli/output/inference-progress.ts';
import { connect } from '../../src/client.ts';
import { startServer } from '../../src/server.ts';
import type { ProgressEvent } from '../../src/shared/progress.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../helpers/networks/networks.ts';

const { offline, online } = predictCost(tinyPlan, settingsFor(tinyPlan));
const total = bothWays(offline) + bothWays(online);

test('onTraffic gets all bytes of an inference, and nothing more once the session is closed', async () => {
  // Reports come by a clock that the test moves.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const report = () => vi.advanceTimersByTime(1000);
  const server = await startServer({ plan: tinyPlan, weights: tinyWeights(), threads: 1 });
  let bytes = 0;
  const onTraffic = (more: number) => void (bytes += more);
  const session = await connect(server.url, { threads: 1, onTraffic });
  report();
  const opening = bytes;
  expect(opening).toBeGreaterThan(0);
  await session.infer(tinyImage());
  report();
  expect(bytes - opening).toBeGreaterThanOrEqual(total);
  expect(bytes - opening).toBeLessThan(1.1 * total);
  await session.close();
  await server.close();
  const closed = bytes;
  while (vi.getTimerCount() > 0) await new Promise((resolve) => setImmediate(resolve));
  report();
  expect(bytes).toBe(closed);
  vi.useRealTimers();
});

test('an inference goes from no bytes to those that are predicted, and the next one from none again', () => {
  const told: ProgressEvent[] = [];
  const { onTraffic, begin } = inferenceProgress((event) => told.push(event));
  onTraffic(1000);
  begin(tinyPlan, {});
  onTraffic(10);
  onTraffic(20);
  onTraffic(2 * total);
  begin(tinyPlan, {});
  expect(told.map(({ done }) => done)).toEqual([0, 10, 30, total, 0]);
  expect(new Set(told.map((event) => [event.phase, event.of, event.total].join()))).toEqual(
    new Set([['private-answers', tinyPlan.name, total].join()]),
  );
});
