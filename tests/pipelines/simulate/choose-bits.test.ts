import { beforeAll, describe, expect, test } from 'vitest';
import { loadDataset } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import { permutation, seededUniform } from '../../../models/data/seeded.ts';
import { loadModel } from '../../../models/files/read.ts';
import { calibrationImages, prepare, replanned } from '../../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import { defaultMachine } from '../../../pipelines/cost/default-machine.ts';
import { predictLatency } from '../../../pipelines/cost/latency.ts';
import { profiles } from '../../../pipelines/cost/profiles.ts';
import { planHash } from '../../../pipelines/plan/codec.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { fewestImages, leastShare } from '../../../pipelines/simulate/agreement-bound.ts';
import { chooseBits, shownAgreement, withBits } from '../../../pipelines/simulate/choose-bits.ts';
import type { ChosenBits, TriedBits } from '../../../pipelines/simulate/choose-bits.ts';
import { PlanError } from '../../../src/shared/errors.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { residualNet } from '../../helpers/networks/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

const model = residualNet(seededRng(3));
const { shape } = model.graph.inputs[0]!;

/** So many random images; their labels do not matter. */
function dataOf(n: number): Dataset {
  const images = randomImages(model, n, seededRng('to choose bits by'));
  return { name: 'noise', classes: [...'abcde'], shape, images, labels: new Uint8Array(n), n };
}

const all = dataOf(400);
const prepared = await prepare(model, { calibration: all });

function bytes(plan: Plan): number {
  const { offline, online } = predictCost(plan);
  return offline.bytes_up + offline.bytes_down + online.bytes_up + online.bytes_down;
}

describe('what images show', () => {
  // P(at least `agree` of n agree), if each does with probability p.
  const upperTail = (agree: number, n: number, p: number) => {
    let sum = 0;
    for (let k = agree; k <= n; k++) {
      let term = p ** k * (1 - p) ** (n - k);
      for (let i = 1; i <= n - k; i++) term *= (k + i) / i;
      sum += term;
    }
    return sum;
  };

  test.each([
    [20, 20],
    [95, 100],
    [280, 300],
    [1, 10],
  ])('%i of %i: with a smaller share, so many would agree in less than one of twenty cases', (agree, n) => {
    expect(upperTail(agree, n, leastShare(agree, n))).toBeCloseTo(0.05, 6);
  });

  test('nothing is shown by none, and 99 % by 299 images or more', () => {
    expect(leastShare(0, 50)).toBeCloseTo(0, 6);
    expect(fewestImages(0.99)).toBe(299);
    expect([leastShare(299, 299) >= 0.99, leastShare(298, 298) >= 0.99]).toEqual([true, false]);
  });
});

describe('a wanted agreement', () => {
  const isShown = ({ agree, images }: TriedBits) => leastShare(agree, images) >= 0.95;

  let chosen: { readonly layers: ChosenBits; readonly whole: ChosenBits };
  beforeAll(async () => {
    const of = (byLayer: boolean) => chooseBits(prepared, all, 0.95, { byLayer });
    chosen = { layers: await of(true), whole: await of(false) };
  });

  test.each(['layers', 'whole'] as const)('ends before the first step of %s that does not show it', (way) => {
    const { tried, found, bits, warning } = chosen[way];
    expect(warning).toBeUndefined();
    // Only the last step may fall short.
    expect(tried.slice(0, -1).every(isShown)).toBe(true);
    expect(found).toBe(tried.findLast(isShown));
    expect(bytes(withBits(prepared, bits).plan)).toBe(found.bytes);
    expect(found.bytes).toBeLessThan(bytes(prepared.plan));
    // Each saves what is worth its error.
    tried.slice(1).forEach((one, i) => expect(one.bytes).toBeLessThanOrEqual(0.99 * tried[i]!.bytes));
  });

  test('shortens sign tests unequally by layer, for fewer bytes than whole plans of fewer bits', async () => {
    const { found, bits } = chosen.layers;
    expect(new Set(Object.values(bits.leftOut!)).size).toBeGreaterThan(1);
    expect(chosen.whole.bits.leftOut).toBeUndefined();
    expect(found.bytes).toBeLessThan(chosen.whole.found.bytes);
    const served = await prepare(model, { calibration: all, ...bits });
    expect(planHash(served.plan)).toBe(planHash(withBits(prepared, bits).plan));
    const judging = await shownAgreement(served, all, 0.95);
    expect(judging).toEqual({ agree: found.agree, images: found.images, isShown: true });
  });

  test('leaves windows that are given as they are, and takes fewer bits of whole plans', async () => {
    const { tried } = await chooseBits(prepared, all, 0.6, { compileOptions: { k: 0 } });
    expect(tried.every(({ leftOut }) => leftOut === undefined)).toBe(true);
    expect(tried.length).toBeGreaterThan(1);
  });

  test('orders by the images that calibrated, and not by those that judge', async () => {
    const order = permutation(all.n, seededUniform(1));
    const judging = order.subarray(calibrationImages);
    const other = { ...all, images: all.images.slice() };
    const size = all.images.length / all.n;
    // The images that judge are in the other order, and half of them are dark.
    const rows = judging.map((row) => row);
    rows.forEach((row, i) => {
      const from = rows[rows.length - 1 - i]!;
      const image = all.images.subarray(from * size, (from + 1) * size);
      other.images.set(i % 2 === 0 ? image : image.map((x) => x / 8), row * size);
    });
    const of = async (data: Dataset) => (await chooseBits(prepared, data, 0.6)).tried;
    const [one, two] = [await of(all), await of(other)];
    const walked = Math.min(one.length, two.length);
    const steps = (tried: typeof one) => tried.slice(0, walked).map(({ leftOut }) => leftOut);
    expect(walked).toBeGreaterThan(2);
    expect(steps(one)).toEqual(steps(two));
  });

  test('that is larger takes no fewer bytes', async () => {
    const { found } = await chooseBits(prepared, all, 0.6);
    expect(found.bytes).toBeLessThan(chosen.layers.found.bytes);
  });

  test('that the images are too few to show: they must reach it, and a warning says how many it takes', async () => {
    const { warning, tried } = await chooseBits(prepared, dataOf(40), 0.99);
    expect(tried[0]!.images).toBe(40);
    expect(warning).toMatch(
      /^40 images cannot show an agreement of 99.0 % .* at least 299, and these show at most 92.8 %/,
    );
  });

  test('that no bits reach is a PlanError, which says what was found and what to do', async () => {
    const coarse = { k: 26 };
    const wrong = chooseBits(prepared, all, 0.99, { compileOptions: coarse });
    await expect(wrong).rejects.toThrow(PlanError);
    await expect(wrong).rejects.toThrow(/with the most bits \d+ of 400 labels .* \(--k 0\), or ask for less/);
  });
});

test('fewer bits of activations cost the zoo network fewer bytes and seconds, bits of weights hardly any', async () => {
  const train = await loadDataset('fashion-mnist-part', 'train');
  const zoo = await prepare(await loadModel('zoo:fashion-resnet8'), { calibration: train });
  const of = (activationBits: number, weightBits: number) => replanned(zoo, { activationBits, weightBits });
  const seconds = (plan: Plan) => {
    const { offline, online } = predictLatency(plan, profiles.wan, defaultMachine);
    return offline.seconds + online.seconds;
  };
  const [usual, cheap, cheaper] = [of(8, 12), of(6, 12), of(5, 12)];
  expect(bytes(cheap) / bytes(usual)).toBeLessThan(0.9);
  expect(bytes(cheaper) / bytes(usual)).toBeLessThan(0.85);
  expect(seconds(cheaper)).toBeLessThan(seconds(usual));
  expect(bytes(of(8, 8)) / bytes(usual)).toBeGreaterThan(0.99);
});
