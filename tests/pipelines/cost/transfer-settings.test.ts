import { expect, test } from 'vitest';
import { greatestDepth } from '../../../crypto/ot/blocks.ts';
import { carriedBy, correctionsOf } from '../../../crypto/ot/silent-sets.ts';
import type { SilentSet } from '../../../crypto/ot/silent-sets.ts';
import { largestPayloads, predictCost, transferFrames } from '../../../pipelines/cost/bytes.ts';
import { profiles } from '../../../pipelines/cost/profiles.ts';
import { defaultTransfers, depthFor, relativeWork } from '../../../pipelines/cost/transfer-settings.ts';
import { transferSources } from '../../../pipelines/inference/layer-transfers.ts';
import { tinyPlan } from '../../helpers/networks.ts';

test('a slow network takes deeper trees, all others the default', () => {
  expect(depthFor(profiles.loopback)).toBe(4);
  expect(depthFor(profiles.lan)).toBe(4);
  expect(depthFor(profiles.wan)).toBe(5);
});

test('deeper trees send less and compute more; the work is that of the default depth at 4', () => {
  const softly = (depth: number) => relativeWork('softspoken', depth);
  expect(softly(4)).toBe(1);
  for (let depth = 2; depth < 8; depth++) {
    expect(softly(depth + 1)).toBeGreaterThan(softly(depth));
    const of = (own: number) => predictCost(tinyPlan, { ...defaultTransfers, depth: own });
    const [less, more] = [of(depth + 1), of(depth)];
    expect(less.offline.bytes_up).toBeLessThan(more.offline.bytes_up);
    expect(less.offline.bytes_down).toBeLessThan(more.offline.bytes_down);
    expect(less.online).toEqual(more.online);
  }
  expect(predictCost(tinyPlan)).toEqual(predictCost(tinyPlan, defaultTransfers));
  expect(relativeWork('s16', 4)).toBeLessThan(1);
  expect(transferFrames(2 ** 18, 5)).toEqual([(25 * (2 ** 18 + 128)) / 8 + 48]);
});

test('frames of silent transfers are accepted for a small plan too, whose client may ask for them', () => {
  const { up, down } = transferSources(tinyPlan, 'silent');
  if (up === 'softspoken' || down === 'softspoken') throw new Error('expected silent transfers');
  const largest = largestPayloads(tinyPlan);
  // The rows that a direction begins with.
  const first = (set: SilentSet) => Math.max(...transferFrames(carriedBy(set), greatestDepth));
  expect(largest.up).toBeGreaterThanOrEqual(Math.max(first(up), correctionsOf(down)));
  expect(largest.down).toBeGreaterThanOrEqual(Math.max(first(down), correctionsOf(up)));
});
