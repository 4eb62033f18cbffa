import { beforeAll, describe, expect, test } from 'vitest';
import { seededUniform } from '../../../../models/data/seeded.ts';
import type { Model } from '../../../../models/graph.ts';
import { groupsOfLabels } from '../../../../models/fairness/groups.ts';
import type { Controller, Json } from '../../../../models/train/controller.ts';
import { fit } from '../../../../models/train/fit.ts';
import { weightedAccuracy } from '../../../../pipelines/reduce/deepreduce/criticality.ts';
import { methods } from '../../../../pipelines/reduce/methods.ts';
import { withImageWeights } from '../../../../pipelines/reduce/mitigation/baselines.ts';
import {
  fairSample,
  groupShares,
  imageShares,
  rowsByShare,
  selectionWeights,
  sharesOf,
} from '../../../../pipelines/reduce/mitigation/fair-select.ts';
import { tinyDataset } from '../../../helpers/data/data.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

describe('weights by group loss, by hand', () => {
  // Groups of 3 images and of 1 with losses 0.5 and 1.5: shares 1/4 and 3/4.
  const groups = groupsOfLabels([0, 0, 0, 1], ['big', 'small']);

  test('shares are of the mean losses; equal where there is no loss', () => {
    expect(sharesOf([0.5, 1.5])).toEqual([0.25, 0.75]);
    expect(sharesOf([0, 0])).toEqual([0.5, 0.5]);
  });

  test('an image has its group share over the images of the group, 1 in the mean', () => {
    expect([...imageShares(groups, [0.25, 0.75])]).toEqual([
      ...Array<number>(3).fill(expect.closeTo(1 / 3, 12) as number),
      3,
    ]);
  });

  test('accuracy with those weights: the small group right and the big one wrong is 3/4, the reverse 1/4', () => {
    const weights = imageShares(groups, [0.25, 0.75]);
    expect(weightedAccuracy([1, 1, 1, 0], [0, 0, 0, 0], weights)).toBeCloseTo(0.75, 12);
    expect(weightedAccuracy([0, 0, 0, 1], [0, 0, 0, 0], weights)).toBeCloseTo(0.25, 12);
    expect(weightedAccuracy([0, 0, 0, 1], [0, 0, 0, 0])).toBe(0.75);
  });

  test('rows by share: a small group as often as its share asks', () => {
    const members = [Int32Array.of(0, 1, 2), Int32Array.of(3), new Int32Array()];
    const rows = rowsByShare(members, [0.25, 0.75, 0], 8, seededUniform(1));
    expect(rows.filter((row) => row === 3)).toHaveLength(6);
    expect(new Set(rows).size).toBe(3);
  });
});

describe('which ReLUs go', () => {
  const train = tinyDataset(96, 'train');
  const validation = tinyDataset(60, 'validation');
  const shared = { train, validation, batch: 32, seed: 7, threads: 1, augment: false };
  const groupsOf = ({ labels }: { labels: ArrayLike<number> }) =>
    groupsOfLabels(
      Array.from(labels, (label) => (label === 0 ? 1 : 0)),
      ['others', 'a'],
    );

  test('groups that the network serves badly count more; without the option nothing is weighed', async () => {
    const model = tinyResnet();
    const shares = await groupShares(model, train, groupsOf(train), { threads: 1 });
    expect(shares[0]! + shares[1]!).toBeCloseTo(1, 12);
    const sample = await fairSample(model, { ...shared, fairSelect: { groupsOf } });
    expect(sample!.n).toBe(Math.round(96 * shares[0]!) + Math.round(96 * shares[1]!));
    expect(await fairSample(model, shared)).toBeUndefined();
    expect(await selectionWeights(model, train, {})).toBeUndefined();
    const weights = await selectionWeights(model, train, { fairSelect: { groupsOf }, threads: 1 });
    expect(weights!.reduce((a, b) => a + b, 0) / 96).toBeCloseTo(1, 9);
  });

  let model: Model;
  beforeAll(async () => {
    model = (await fit(tinyResnet(), { ...shared, epochs: 3, learningRate: 0.05 })).model;
  });

  test.each(['deepreduce', 'snl', 'autorep'] as const)(
    '%s keeps other ReLUs where groups count, as many',
    async (name) => {
      const options = { ...shared, budget: 500, epochs: 1, searchEpochs: 2 };
      const plain = await methods[name].reduce(model, options);
      const fair = await methods[name].reduce(model, { ...options, fairSelect: { groupsOf } });
      expect(Math.abs(fair.relusAfter - plain.relusAfter)).toBeLessThanOrEqual(5);
      const kinds = ({ model: { graph } }: typeof plain) =>
        graph.nodes.flatMap((node) => (node.op === 'MixedActivation' ? [...node.attributes.kinds] : []));
      expect(kinds(fair)).not.toEqual(kinds(plain));
    },
  );
});

test('a controller with weights of images goes on from a checkpoint of the same weights', () => {
  const seen: unknown[] = [];
  const own: Controller = {
    scalars: () => ({ lambda: 2 }),
    state: () => ({ lambda: 2 }),
    restore: (saved) => void seen.push(saved),
  };
  const weighted = withImageWeights(own, Float64Array.of(0.5, 1.5, 1));
  expect([...weighted.sampleWeights!(Uint32Array.of(1, 0))]).toEqual([0.75, 0.25]);
  expect(weighted.scalars!()).toEqual({ lambda: 2 });
  weighted.restore(JSON.parse(JSON.stringify(weighted.state())) as Json);
  expect(seen).toEqual([{ lambda: 2 }]);
  expect(withImageWeights(own, Float64Array.of(1, 1, 1)).state()).not.toEqual(weighted.state());
});
