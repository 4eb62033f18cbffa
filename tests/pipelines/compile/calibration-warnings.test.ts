import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { NetworkBuilder } from '../../../models/architectures/builder.ts';
import { normals } from '../../../models/architectures/init.ts';
import { loadDataset } from '../../../models/data/dataset.ts';
import type { Model } from '../../../models/graph.ts';
import { loadModel } from '../../../models/files/read.ts';
import { sizeOf, tensor } from '../../../models/tensor.ts';
import type { Calibration } from '../../../pipelines/compile/calibrate.ts';
import { calibrationOf, prepare } from '../../../pipelines/compile/served-plan.ts';
import { DataError } from '../../../src/shared/errors.ts';
import { borderNet } from '../../helpers/networks/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

async function warningsOf(model: Model, calibration: Calibration): Promise<readonly string[]> {
  return (await prepare(model, { calibration })).calibration.warnings;
}

/** Images [n, 1, 8, 8] of seeded pixels from 0 to 1, times a factor for each pixel. */
function images(n: number, factor: (row: number, column: number) => number): Calibration {
  const bytes = seededRng('pixels').bytes(64 * n);
  const pixel = (byte: number, i: number) => (byte / 255) * factor((i >> 3) & 7, i & 7);
  return { images: Float32Array.from(bytes, pixel), n };
}

const isBorder = (row: number, column: number) => [row, column].some((at) => at === 0 || at === 7);

/** Sets all elements of some weights. */
function withWeights(model: Model, values: Readonly<Record<string, number>>): Model {
  const weights = new Map(model.weights);
  for (const [name, value] of Object.entries(values)) {
    const { shape, data } = weights.get(name)!;
    weights.set(
      name,
      tensor(
        shape,
        data.map(() => value),
      ),
    );
  }
  return { ...model, weights };
}

describe('running statistics of a trained network', () => {
  let model: Model;
  let own: Calibration;
  beforeAll(async () => {
    model = await loadModel('zoo:fashion-resnet8');
    const { images, ...rest } = calibrationOf(await loadDataset('fashion-mnist-part', 'train'));
    own = { ...rest, images: images.subarray(0, 64 * 784), n: 64 };
  });
  const changed = (change: (pixel: number) => number) => ({ ...own, images: own.images.map(change) });

  test('its own data give no warning', async () => {
    expect(await warningsOf(model, own)).toEqual([]);
  });

  test.each<[string, (pixel: number) => number]>([
    ['four times each pixel', (pixel) => 4 * pixel],
    ['normalised pixels', (pixel) => (pixel - 0.286) / 0.353],
    ['a tenth of each pixel', (pixel) => pixel / 10],
    ['white for black', (pixel) => 1 - pixel],
  ])('%s: the first BatchNormalization is named', async (_, change) => {
    const warnings = await warningsOf(model, changed(change));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^node stem\.bn: .* standard deviations off the running mean/);
  });

  test('pixels up to 255 leave no plan of a given precision, and the message names the images too', async () => {
    const calibration = changed((pixel) => 255 * pixel);
    await expect(prepare(model, { calibration, precision: 12 })).rejects.toThrow(
      /^node stage\d.* bits are missing .*the calibration images may be at fault: node stem\.bn: /,
    );
    expect(await warningsOf(model, calibration)).toEqual([expect.stringMatching(/^node stem\.bn: /)]);
  });
});

test('a network of torchvision blocks without statistics gives no warning on noise', async () => {
  const model = await loadModel(join(import.meta.dirname, '../../fixtures/torchvision/squeezenet.onnx'));
  const noise = normals(8 * sizeOf(model.graph.inputs[0]!.shape), seededRng(1));
  expect(await warningsOf(model, { images: noise, n: 8 })).toEqual([]);
});

describe('a first layer that reads the border', () => {
  const model = borderNet();

  test('of images that are dark there', async () => {
    const warnings = await warningsOf(
      model,
      images(12, (...at) => (isBorder(...at) ? 0.1 : 1)),
    );
    expect(warnings).toEqual([
      expect.stringMatching(/^node border: the pixels .* dark .* 0\.1\d of the size/),
    ]);
  });

  test.each<[string, (row: number, column: number) => number]>([
    ['lit there alone', (...at) => (isBorder(...at) ? 1 : 0.1)],
    ['lit everywhere', () => 1],
    ['dim everywhere', () => 0.01],
  ])('of images that are %s: no warning', async (_, factor) => {
    expect(await warningsOf(model, images(12, factor))).toEqual([]);
  });
});

describe('layers without values', () => {
  const sizes = { inChannels: 1, channels: 4, kernel: 3, stride: 1 };

  /**
   * Two convolutions side by side or one alone, of ones; the ReLU of the first is above 0 from a sum of 20
   * on.
   */
  function deafNet(isAlone: boolean): Model {
    const net = new NetworkBuilder('deaf', [1, 8, 8], seededRng('deaf'));
    const deaf = net.relu('deaf.relu', net.conv('deaf', net.input, sizes, {}, true));
    const both = isAlone ? deaf : net.add('both', deaf, net.relu('relu', net.conv('conv', net.input, sizes)));
    const pooled = net.flatten('flatten', net.globalAveragePool('pool', both));
    return withWeights(net.build(net.gemm('fc', pooled, 4, 3)), { 'deaf.weight': 1, 'deaf.bias': -20 });
  }

  test('a ReLU that gives only zeros is named', async () => {
    const warnings = await warningsOf(
      deafNet(false),
      images(6, () => 1),
    );
    expect(warnings).toEqual([expect.stringMatching(/^node deaf\.relu: .* only zeros/)]);
    expect(
      await warningsOf(
        deafNet(false),
        images(6, () => 10),
      ),
    ).toEqual([]);
  });

  test('images that all get the same logits are refused, those of the right scale are not', async () => {
    const answer = warningsOf(deafNet(true), { ...images(6, () => 1), name: 'dark.npz' });
    await expect(answer).rejects.toThrow(DataError);
    await expect(answer).rejects.toThrow(/^dark\.npz: deaf gives each of these images the same logits/);
    expect(
      await warningsOf(
        deafNet(true),
        images(6, () => 10),
      ),
    ).toEqual([]);
  });

  test('a network that has the same logits for every image is warned of: no data would help', async () => {
    const constant = withWeights(deafNet(false), { 'fc.weight': 0 });
    const warnings = await warningsOf(
      constant,
      images(6, () => 10),
    );
    expect(warnings).toEqual(['the model gives every image the same logits, noise too']);
  });
});

test('one image many times is warned of, one alone is not', async () => {
  const { images: one } = images(1, () => 1);
  const twice = { images: Float32Array.of(...one, ...one), n: 2 };
  expect(await warningsOf(borderNet(), twice)).toEqual([
    expect.stringMatching(/^the images are all the same/),
  ]);
  expect(await warningsOf(borderNet(), { images: one, n: 1 })).toEqual([]);
});
