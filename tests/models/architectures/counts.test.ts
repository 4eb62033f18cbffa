import { expect, test } from 'vitest';
import { architectures } from '../../../models/architectures/index.ts';
import { normals } from '../../../models/architectures/init.ts';
import {
  imagenetStrides,
  mobilenetV2,
  smallImageStrides,
} from '../../../models/architectures/mobilenet-v2.ts';
import { resnet } from '../../../models/architectures/resnet.ts';
import { vgg, vgg16Stages } from '../../../models/architectures/vgg.ts';
import { wideResnet } from '../../../models/architectures/wide-resnet.ts';
import type { Model } from '../../../models/graph.ts';
import { verifyModel } from '../../../models/analysis/shapes.ts';
import { activationsOf, countRelus, inspect, stagesOf } from '../../../models/analysis/inspect.ts';
import { readModel } from '../../../models/files/read.ts';
import { writeModel } from '../../../models/files/write.ts';
import { dropRelus } from '../../../models/passes/drop-relu.ts';
import { activationsBehindMaxPools } from '../../../models/passes/activations-behind-max-pools.ts';
import { predict } from '../../../models/runtime/run.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { maximumDifference } from '../../helpers/differences.ts';
import { seededRng } from '../../helpers/rng.ts';

/** Counts do not depend on the weights: no randomness is needed. */
const noRng = { bytes: (n: number) => new Uint8Array(n) };

const counts = [
  ['resnet8', [1, 28, 28], 56_448],
  // 16 x 32 x 32 x 7 + 32 x 16 x 16 x 6 + 64 x 8 x 8 x 6
  ['resnet20', [3, 32, 32], 188_416],
  // the figures of Garimella et al., ASPLOS 2023; ResNet-18: 65,536 in the stem, then 262,144 in S1 and half
  // as many in each next stage
  ['resnet32', [3, 32, 32], 303_104],
  ['resnet18', [3, 32, 32], 557_056],
  // stem 65,536, then 2 x (3 x 65,536 + 4 x 32,768 + 6 x 16,384 + 3 x 8,192)
  ['resnet34', [3, 32, 32], 966_656],
  // SNL's, without the last ReLU: 16,384 + 5 x 131,072; 131,072 + 5 x 65,536; 65,536 + 5 x 32,768
  ['wide-resnet22-8', [3, 32, 32], 1_359_872],
  // on maps of 28: 16 + 32 + 32 channels, of 14: 64 + 64, of 7: 128
  ['wide-resnet10-2', [1, 28, 28], 80 * 784 + 128 * 196 + 128 * 49],
  // Garimella et al., ASPLOS 2023, less the two fully connected layers' 8,192
  ['vgg16-bn', [3, 32, 32], 276_480],
  // x 4 on images of twice the size
  ['vgg16-bn', [3, 64, 64], 1_105_920],
] as const;

test.each(counts)('%s on %j has %i ReLUs', (name, shape, relus) => {
  const model = architectures[name](shape, 10, noRng);
  verifyModel(model);
  expect(countRelus(model)).toBe(relus);
});

test('the stem ReLU of ResNet18 is 65,536 of them', () => {
  const options = {
    name: 'resnet18',
    inChannels: 3,
    size: 32,
    classes: 100,
    widths: [64, 128, 256, 512],
    blocks: [2, 2, 2, 2],
  };
  const without = resnet({ ...options, stemRelu: false }, noRng);
  expect(countRelus(without)).toBe(491_520);
  expect(stagesOf(without).map((stage) => stage.relus)).toEqual([262_144, 131_072, 65_536, 32_768]);
  const halved = resnet({ ...options, stemRelu: false, stemStride: 2 }, noRng);
  expect(countRelus(halved)).toBe(491_520 / 4);
});

test('parameters and MACs of ResNet20 are those of He et al. plus projections', () => {
  const { params, macs } = inspect(architectures.resnet20([3, 32, 32], 10, seededRng(1)));
  // He et al. report 0.27 M; the two 1x1 projections with BN add 512 + 64 and 2048 + 128.
  expect(params).toBe(269_722 + 576 + 2_176);
  expect(macs).toBeGreaterThan(40e6);
  expect(macs).toBeLessThan(42e6);
});

test('stages follow the resolution, the stem in the first', () => {
  const stages = stagesOf(architectures.resnet8([1, 28, 28], 10, seededRng(1)));
  expect(stages.map((s) => [s.name, s.resolution, s.relus])).toEqual([
    ['S1', [28, 28], 37_632],
    ['S2', [14, 14], 12_544],
    ['S3', [7, 7], 6_272],
  ]);
  expect(stages[0]!.nodes).toEqual(['stem.relu', 'stage1.block0.relu1', 'stage1.block0.relu2']);
});

test('VGG-16 with its fully connected layers has 8,192 more, and max pooling is no activation', () => {
  const options = {
    name: 'vgg16',
    inChannels: 3,
    size: 32,
    classes: 10,
    batchNorm: true,
    hidden: [4096, 4096],
  };
  const model = vgg({ ...options, stages: vgg16Stages, pool: 'max' }, noRng);
  const relus = model.graph.nodes.filter((node) => node.op === 'Relu').map((node) => node.name);
  expect(countRelus(model) - countRelus(dropRelus(model, relus))).toBe(284_672); // as in Garimella et al., ASPLOS 2023
});

test("MobileNetV2 on 224 x 224 has the activations and parameters of torchvision's", () => {
  const options = {
    name: 'mobilenetv2',
    inChannels: 3,
    size: 224,
    classes: 1000,
    stemStride: 2,
    relu6: true,
  } as const;
  const model = mobilenetV2({ ...options, strides: imagenetStrides }, noRng);
  verifyModel(model);
  expect(activationsOf(model).map((node) => node.op)).toEqual(Array.from({ length: 35 }, () => 'Clip'));
  // npm run test:torchvision, mobilenet_v2-bn.onnx; 3.50 M parameters as in table 4 of the paper: 3.4 M
  const { relus, params } = inspect(model);
  expect([relus, params]).toEqual([6_105_792, 3_504_872]);
});

const small = { inChannels: 3, size: 16, classes: 5 };
const wide = { ...small, name: 'wrn', depth: 10, widen: 1 };

test('the last ReLU of a wide ResNet is one of its last stage', () => {
  const without = countRelus(wideResnet({ ...wide, lastRelu: false }, noRng));
  expect(countRelus(wideResnet({ ...wide, lastRelu: true }, noRng))).toBe(without + 64 * 4 * 4);
  expect(() => wideResnet({ ...wide, depth: 20, lastRelu: true }, noRng)).toThrow(
    /expected 6 n \+ 4, got 20/,
  );
});

const plain = { ...small, name: 'vgg', stages: [[4, 6], [8]], hidden: [7] } as const;
const mobile = { ...small, name: 'mobile', stemStride: 1, strides: smallImageStrides } as const;
const networks: Record<string, (rng: Rng) => Model> = {
  'wide ResNet': (rng) => wideResnet({ ...wide, lastRelu: true }, rng),
  'VGG without batch norm': (rng) => vgg({ ...plain, batchNorm: false, pool: 'max' }, rng),
  'VGG with batch norm': (rng) => vgg({ ...plain, batchNorm: true, pool: 'average' }, rng),
  'MobileNetV2 with ReLU': (rng) => mobilenetV2({ ...mobile, relu6: false }, rng),
  'MobileNetV2 with ReLU6': (rng) => mobilenetV2({ ...mobile, relu6: true }, rng),
};

test.each(Object.entries(networks))(
  '%s: answers each image, and comes back from its file',
  async (_, make) => {
    const model = make(seededRng(1));
    verifyModel(model);
    const images = normals(2 * 3 * 16 * 16, seededRng(2));
    const logits = await predict(model, images, 2, { threads: 1 });
    expect(logits.every(Number.isFinite)).toBe(true);
    expect(maximumDifference(logits.subarray(0, 5), logits.subarray(5))).toBeGreaterThan(1e-3);
    const read = readModel(writeModel(model), 'again.onnx');
    expect(read.graph).toEqual(activationsBehindMaxPools(model).graph);
  },
);

test('images that do not fit are refused', () => {
  expect(() => architectures['vgg16-bn']([1, 28, 28], 10, noRng)).toThrow(
    /vgg16-bn: expected images whose size is a multiple of 32/,
  );
  expect(() => architectures.mobilenetv2([3, 32, 16], 10, noRng)).toThrow(/expected square images/);
});
