import { beforeAll, describe, expect, test } from 'vitest';
import { NetworkBuilder } from '../../../models/architectures/builder.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import { seededUniform } from '../../../models/data/seeded.ts';
import type { Model } from '../../../models/graph.ts';
import { describeModel } from '../../../models/passes/describe-model.ts';
import { tensor } from '../../../models/tensor.ts';
import { calibrationPixels, isNearChance, pixelsWarning } from '../../../models/train/doubtful-pixels.ts';
import { evaluate } from '../../../models/train/evaluate.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { seededRng } from '../../helpers/rng.ts';

/**
 * Two pixels. The class is 2 a + b, where a says that the left one is brighter, and b that both together are
 * bright.
 */
function pairs(n: number): Dataset {
  const draw = seededUniform(5);
  const images = Uint8Array.from({ length: 2 * n }, () => Math.floor(256 * draw()));
  const labels = Uint8Array.from({ length: n }, (_, i) => {
    const [left, right] = [images[2 * i]!, images[2 * i + 1]!];
    return 2 * Number(left > right) + Number(left + right > 255);
  });
  return { name: 'pairs', classes: ['0', '1', '2', '3'], shape: [1, 1, 2], images, labels, n };
}

/** Right on pixels from 0 to `white`, without any BatchNormalization that would know its pixels. */
function pairNet(white: number, onlyBright = false): Model {
  const net = new NetworkBuilder('pairs', [1, 1, 2], seededRng(1));
  const model = net.build(net.gemm('fc', net.flatten('flat', net.input), 2, 4));
  const side = onlyBright ? 0 : 1;
  const rows = [0, 1].flatMap((a) => [0, 1].map((b) => [a * side + b, b - a * side]));
  const bias = [0, -white, 0, -white].map((value, i) => (onlyBright && i > 1 ? -9 * white : value));
  const own = {
    'fc.weight': tensor([4, 2], Float32Array.from(rows.flat())),
    'fc.bias': tensor([4], Float32Array.from(bias)),
  };
  return { ...model, weights: new Map([...model.weights, ...Object.entries(own)]) };
}

const data = pairs(200);
const strangers: Dataset = { ...data, classes: ['d', 'a', 'c', 'b'], classOrder: 'names' };

describe('labelled images on which a network is calibrated', () => {
  test('of its own scale are right', async () => {
    expect(await calibrationPixels(pairNet(1), data)).toBeUndefined();
    expect(await calibrationPixels(pairNet(1), strangers)).toBeUndefined();
  });

  test('near chance, the normalisation is named that gives most', async () => {
    const text = await calibrationPixels(pairNet(255, true), half(data));
    expect(text).toMatch(/near chance: .* with --normalise 255 it has 100.0 %/);
    const stated = describeModel(pairNet(255, true), { normalise: '255' });
    expect(await calibrationPixels(stated, half(data))).toBeUndefined();
  });

  test('if names cannot be matched, answers that go with no class are enough', async () => {
    const text = await calibrationPixels(pairNet(255, true), half(strangers));
    expect(text).toMatch(/hardly go with the classes .* with --normalise 255 they do for 100.0 %/);
    const stated = describeModel(pairNet(255, true), { normalise: '255' });
    expect(await calibrationPixels(stated, half(strangers))).toBeUndefined();
  });

  test('the warning is one of the plan', async () => {
    const { calibration } = await prepare(pairNet(255, true), { calibration: half(data) });
    expect(calibration.warnings).toEqual([expect.stringMatching(/near chance/)]);
    const right = await prepare(pairNet(1, true), { calibration: half(data) });
    expect(right.calibration.warnings).toEqual([]);
  });

  /** The classes 0 and 1, which b alone tells apart. */
  function half(dataset: Dataset): Dataset {
    return { ...dataset, labels: dataset.labels.map((label) => label % 2) };
  }
});

describe('an evaluation', () => {
  let found: Awaited<ReturnType<typeof evaluate>>;
  beforeAll(async () => {
    found = await evaluate(pairNet(255), data);
  });

  test('far from chance, of a network that nothing is said of: the better normalisation is named', async () => {
    expect(isNearChance(found)).toBe(false);
    expect(found.accuracy).toBeGreaterThan(0.4);
    const text = await pixelsWarning(pairNet(255), data, found);
    expect(text).toMatch(/nothing says .* 100.0 % with --normalise 255 and 5\d.\d % without/);
  });

  test('of pixels that the user or the file states is believed on few images', async () => {
    const stated = describeModel(pairNet(255), { normalise: 'unit' });
    expect(await pixelsWarning(stated, data, found)).toBeUndefined();
  });

  test('on many images, of stated pixels that another preset beats clearly: it is named', async () => {
    const many = pairs(2000);
    const stated = describeModel(pairNet(255), { normalise: 'unit' });
    const text = await pixelsWarning(stated, many, await evaluate(stated, many));
    expect(text).toMatch(/ 100.0 % with --normalise 255, and [45]\d.\d % with the pixels that its file/);
    const right = describeModel(pairNet(255), { normalise: '255' });
    expect(await pixelsWarning(right, many, await evaluate(right, many))).toBeUndefined();
  });

  test('of the right pixels says nothing', async () => {
    const model = pairNet(1);
    expect(await pixelsWarning(model, data, await evaluate(model, data))).toBeUndefined();
  });

  test.each([
    [0.21, 1000, true],
    [0.22, 1000, false],
    [0.1, 29, false],
  ])('of %s on %i images of ten equal classes is near chance: %s', (accuracy, n, isNear) => {
    const per_class = Array.from({ length: 10 }, (_, i) => ({ class: String(i), accuracy, n: n / 10 }));
    expect(isNearChance({ accuracy, n, per_class })).toBe(isNear);
  });

  test('of one class alone says nothing', () => {
    const per_class = [{ class: 'a', accuracy: 0.1, n: 100 }];
    expect(isNearChance({ accuracy: 0.1, n: 100, per_class })).toBe(false);
  });
});
