import { expect, test } from 'vitest';
import { carriedBy, correctionsOf, givenBy } from '../../../crypto/ot/silent-sets.ts';
import { treeDepth } from '../../../crypto/ot/session.ts';
import { largestPayloads, predictCost } from '../../../pipelines/cost/bytes.ts';
import {
  firstBytes,
  firstSeconds,
  meanSeconds,
  relativeWork,
  transferFrames,
} from '../../../pipelines/cost/drawing.ts';
import { defaultMachine } from '../../../pipelines/cost/default-machine.ts';
import { profiles } from '../../../pipelines/cost/profiles.ts';
import { choicesOf, depthFor, settingsFor, settingsOf } from '../../../pipelines/cost/transfer-settings.ts';
import { tinyPlan } from '../../helpers/networks/networks.ts';

test('a slow network takes deeper trees, all others the default', () => {
  expect(depthFor(profiles.loopback)).toBe(4);
  expect(depthFor(profiles.lan)).toBe(4);
  expect(depthFor(profiles.wan)).toBe(5);
});

test('deeper trees send less and compute more; the work is that of the default depth at 4', () => {
  expect(relativeWork(4)).toBe(1);
  for (let depth = 2; depth < 8; depth++) {
    expect(relativeWork(depth + 1)).toBeGreaterThan(relativeWork(depth));
    const of = (own: number) => predictCost(tinyPlan, settingsFor(tinyPlan, { depth: own }));
    const [less, more] = [of(depth + 1), of(depth)];
    expect(less.offline.bytes_up).toBeLessThan(more.offline.bytes_up);
    expect(less.offline.bytes_down).toBeLessThan(more.offline.bytes_down);
    expect(less.online).toEqual(more.online);
  }
  expect(predictCost(tinyPlan)).toEqual(predictCost(tinyPlan, settingsFor(tinyPlan)));
  expect(transferFrames(2 ** 18, 5)).toEqual([(25 * (2 ** 18 + 128)) / 8 + 48]);
});

test('auto takes in each direction what is done first: none of few, more on a slow network', () => {
  const sourcesAt = (count: number, profile = profiles.lan) =>
    settingsOf({ up: 0, down: count }, { profile }).sources;
  expect(sourcesAt(0)).toEqual({ up: 'softspoken', down: 'softspoken' });
  expect(sourcesAt(1000)).toEqual({ up: 'softspoken', down: 'softspoken' });
  expect(sourcesAt(1_000_000)).toEqual({ up: 'softspoken', down: 's16' });
  // A slow network feels the bytes sooner.
  expect(sourcesAt(50_000).down).toBe('softspoken');
  expect(sourcesAt(50_000, profiles.wan).down).toBe('s16');
  for (const profile of Object.values(profiles)) {
    for (const count of [10, 50_000, 100_000, 500_000, 3_000_000]) {
      const { down } = choicesOf({ up: 0, down: count }, { profile });
      const { softspoken, s16 } = down.seconds;
      expect(down.source).toBe(s16 < softspoken ? 's16' : 'softspoken');
    }
  }
});

test('what is asked for is taken, whatever takes less', () => {
  const counts = { up: 10, down: 10_000_000 };
  expect(settingsOf(counts, { mode: 'silent', depth: 3 })).toEqual({
    depth: 3,
    sources: { up: 's16', down: 's16' },
  });
  expect(settingsOf(counts, { mode: 'softspoken' }).sources).toEqual({
    up: 'softspoken',
    down: 'softspoken',
  });
});

test('a session begins with a set-up and whole iterations; on average an inference takes its share', () => {
  const costs = { softspoken: { chooser: 1, offerer: 2 }, silent: { chooser: 3, offerer: 4 } };
  const silent = { source: 's16', depth: 4 } as const;
  const setUp = carriedBy('s16') * relativeWork(treeDepth('s16', 4));
  expect(firstSeconds(5, silent, costs)).toEqual({
    chooser: setUp + 3 * givenBy('s16'),
    offerer: 2 * setUp + 4 * givenBy('s16'),
  });
  expect(firstSeconds(0, silent, costs)).toEqual({ chooser: 0, offerer: 0 });
  expect(meanSeconds(5, silent, costs)).toEqual({ chooser: 15, offerer: 20 });
  expect(firstSeconds(5, { source: 'softspoken', depth: 4 }, costs)).toEqual({ chooser: 5, offerer: 10 });
  expect(firstBytes(0, silent)).toEqual({ fromChooser: 0, fromOfferer: 0 });
  const { softspoken, silent: own } = defaultMachine.transfers;
  expect(own.chooser + own.offerer).toBeLessThan(softspoken.chooser + softspoken.offerer);
});

test('frames of silent transfers are accepted for a small plan too, whose client may ask for them', () => {
  const largest = largestPayloads(tinyPlan);
  const first = Math.max(...transferFrames(carriedBy('s16'), treeDepth('s16', 1)));
  expect(largest.up).toBeGreaterThanOrEqual(Math.max(first, correctionsOf('s16')));
  expect(largest.down).toBeGreaterThanOrEqual(Math.max(first, correctionsOf('s16')));
});
