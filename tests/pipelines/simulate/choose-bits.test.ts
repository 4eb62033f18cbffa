import { describe, expect, test } from 'vitest';
import { loadDataset } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import { loadModel } from '../../../models/files/read.ts';
import { prepare, replanned } from '../../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import { defaultMachine } from '../../../pipelines/cost/default-machine.ts';
import { predictLatency } from '../../../pipelines/cost/latency.ts';
import { profiles } from '../../../pipelines/cost/profiles.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { fewestImages, leastShare } from '../../../pipelines/simulate/agreement-bound.ts';
import { chooseBits, ladder, withBits } from '../../../pipelines/simulate/choose-bits.ts';
import { PlanError } from '../../../src/shared/errors.ts';
import { randomImages } from '../../helpers/data.ts';
import { residualNet } from '../../helpers/networks.ts';
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
  test('takes the cheapest bits of the ladder before the first that do not show it, always the same', async () => {
    const chosen = await chooseBits(prepared, all, 0.95);
    expect(chosen).toEqual(await chooseBits(prepared, all, 0.95));
    const { tried, bits, warning } = chosen;
    expect(warning).toBeUndefined();
    expect(tried.map(({ activationBits }) => activationBits)).toEqual(
      ladder.slice(0, tried.length).map(({ activationBits }) => activationBits),
    );
    const shown = tried.map(({ agree, images }) => leastShare(agree, images) >= 0.95);
    // Only the last step may fall short, and then the ladder ends there.
    expect(shown.slice(0, -1).every(Boolean)).toBe(true);
    expect(shown.at(-1) === false || tried.length === ladder.length).toBe(true);
    const best = tried.find(({ activationBits }) => activationBits === bits.activationBits)!;
    expect(leastShare(best.agree, best.images)).toBeGreaterThanOrEqual(0.95);
    expect(best.bytes).toBe(Math.min(...tried.filter((_, i) => shown[i]).map((one) => one.bytes)));
    expect(bytes(withBits(prepared, bits).plan)).toBe(best.bytes);
    expect(best.bytes).toBeLessThan(bytes(prepared.plan));
  });

  test('that is larger takes no fewer bytes', async () => {
    const of = async (wanted: number) => {
      const { bits } = await chooseBits(prepared, all, wanted);
      return bytes(withBits(prepared, bits).plan);
    };
    const [low, high] = [await of(0.6), await of(0.98)];
    expect(low).toBeLessThan(high);
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
