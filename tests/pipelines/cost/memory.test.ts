import { expect, test } from 'vitest';
import { partBytes } from '../../../crypto/channel/parts.ts';
import { defaultWeightCacheBytes } from '../../../crypto/he/linear.ts';
import { givenBy, keptIndexBytes } from '../../../crypto/ot/silent-sets.ts';
import type { LinearSpec } from '../../../crypto/spec.ts';
import { noise, randomNetwork } from '../../../pipelines/bench/network.ts';
import { servedPlan } from '../../../pipelines/compile/served-plan.ts';
import { mostUnread, predictMemory } from '../../../pipelines/cost/memory.ts';
import { priceOf } from '../../../pipelines/cost/price.ts';
import { serverCaches } from '../../../pipelines/inference/caches.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { defaultLimits } from '../../../src/net/web-socket-channel.ts';
import { convolution } from '../../helpers/protocol/convolution.ts';
import { tinyPlan } from '../../helpers/networks/networks.ts';

/**
 * Peaks that `bench model` measured, MB: 2 cores of an AMD EPYC, Node 24.21, beside other work, 2026-11-29.
 * `npm run test:real-size` prints the forecast for networks of 224 x 224 beside their measured peaks.
 */
const seen = { client: 600, server: 660 };

/** Of a ResNet-18 for images of this size. */
async function planAt(size: number): Promise<Plan> {
  const model = randomNetwork({ arch: 'resnet18', size, channels: 3, classes: 100 });
  return servedPlan(model, { calibration: { images: noise(3 * size * size), n: 1 } });
}

const plan = await planAt(32);

test('the forecast for a ResNet-18 is within a third of what was measured, and grows with the image', async () => {
  const small = predictMemory(plan);
  for (const [got, expected] of [
    [small.client_bytes, seen.client],
    [small.server_bytes, seen.server],
  ] as const) {
    expect(got / 1e6).toBeGreaterThan(expected / 1.33);
    expect(got / 1e6).toBeLessThan(expected * 1.33);
  }
  const large = predictMemory(await planAt(64));
  // Four times the ReLUs: their keys and tables alone are 80 bytes and more of each.
  expect(large.client_bytes - small.client_bytes).toBeGreaterThan(3 * 557_056 * 80);
});

test('the forecast counts with the caches that --memory allows', () => {
  const at = (memory?: number) =>
    predictMemory(plan, { threads: 2, ...(memory !== undefined && { memory }) });
  const usual = at();
  const tight = at(40e6);
  const ample = at(2e9);
  // All but one iteration of rows in each direction, the indices of both threads, and most of the weights.
  const [rows, indices] = [2 * 2 * 16 * givenBy('s16'), 2 * keptIndexBytes];
  expect(usual.client_bytes - tight.client_bytes).toBe(rows + indices);
  const weights = defaultWeightCacheBytes - serverCaches(40e6, 2).weightBytes;
  expect(usual.server_bytes - tight.server_bytes).toBe(rows + indices + weights);
  // The network's tiles, 12 bytes a weight in the forecast, are less than the limit.
  expect(ample.client_bytes).toBe(usual.client_bytes);
  expect(ample.server_bytes - usual.server_bytes).toBeLessThan(serverCaches(2e9, 2).weightBytes);
  expect(ample.server_bytes).toBeGreaterThan(usual.server_bytes + 50e6);
});

test('of a layer that exchanges 1.3 GB, the forecast counts one exchange and what may wait to be read', () => {
  expect(mostUnread).toBe(defaultLimits.maxUnread);
  const [linear] = tinyPlan.steps.filter((step) => step.kind === 'linear');
  const at = (spec: LinearSpec) => predictMemory({ ...tinyPlan, steps: [{ ...linear!, spec }] });
  const small = at(convolution(1, 1, 2, 1));
  const large = at(convolution(3, 16, 512, 55));
  for (const party of ['client_bytes', 'server_bytes'] as const) {
    expect(large[party] - small[party] - mostUnread).toBeGreaterThan(partBytes / 2);
    expect(large[party] - small[party] - mostUnread).toBeLessThan(6 * partBytes);
  }
});

test('money: bytes of both directions, processor hours of both parties, of both phases', () => {
  const phase = {
    seconds: 9,
    bytes_up: 4e8,
    bytes_down: 1e8,
    client_cpu_seconds: 1800,
    server_cpu_seconds: 5400,
  };
  expect(priceOf([phase], { perGb: 2, perCpuHour: 0 })).toBeCloseTo(1);
  expect(priceOf([phase, phase], { perGb: 0, perCpuHour: 0.5 })).toBeCloseTo(2);
  expect(priceOf([phase], { perGb: 2, perCpuHour: 0.5 })).toBeCloseTo(2);
});
