import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NetworkBuilder } from '../../models/architectures/builder.ts';
import { pixels } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import type { Model } from '../../models/graph.ts';
import { forInference } from '../../models/passes/index.ts';
import { readModel } from '../../models/files/read.ts';
import { writeModel } from '../../models/files/write.ts';
import { predict } from '../../models/runtime/run.ts';
import type { EngineName } from '../../models/train/engines/names.ts';
import { evaluate } from '../../models/train/evaluate.ts';
import { fit } from '../../models/train/fit.ts';
import { LossGradient } from '../../models/train/gradient.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import { encodeInput, outsideRange } from '../../pipelines/inference/encoding.ts';
import { parsePlan, serialisePlan } from '../../pipelines/plan/codec.ts';
import { debugLocal } from '../../pipelines/simulate/debug-local.ts';
import { bars } from '../helpers/data/data.ts';
import { folderWith } from '../helpers/data/image-files.ts';
import { barResnet } from '../helpers/networks/networks.ts';
import { seededRng } from '../helpers/rng.ts';

// A network that halves its pixels gives on pixels of twice the size, exactly, what it gives without. Every
// place where images enter a network is held to that.

const halving = { mean: [0], std: [2] };
const plainNet = barResnet();
const halvingNet: Model = { ...plainNet, graph: { ...plainNet.graph, preprocessing: halving } };

const small = halved(bars(96, 1));
const large = { ...small, images: Uint8Array.from(small.images, (byte) => 2 * byte) };

function halved(dataset: Dataset): Dataset {
  return { ...dataset, images: Uint8Array.from(dataset.images, (byte) => byte >> 1) };
}

test('predictions', async () => {
  const [a, b] = [await predict(plainNet, pixels(small), 96), await predict(halvingNet, pixels(large), 96)];
  expect(b).toEqual(a);
  expect(await predict(plainNet, pixels(large), 96)).not.toEqual(a);
  expect(await evaluate(halvingNet, large)).toEqual(await evaluate(plainNet, small));
});

test.each<EngineName>(['onnxruntime', 'tfjs'])('training with %s', async (engine) => {
  const options = { epochs: 1, batch: 16, learningRate: 0.1, seed: 1, threads: 1, engine };
  const plain = await fit(plainNet, { ...options, train: small, validation: small });
  const scaled = await fit(halvingNet, { ...options, train: large, validation: large });
  expect(scaled.model.weights).toEqual(plain.model.weights);
  expect(scaled.model.graph.preprocessing).toEqual(halving);
  const wrong = await fit(plainNet, { ...options, train: large, validation: large });
  expect(wrong.model.weights).not.toEqual(plain.model.weights);
});

test('a checkpoint of other pixels is refused', async () => {
  const checkpoint = join(await folderWith(), 'run');
  const options = { batch: 16, learningRate: 0.1, seed: 1, threads: 1, train: small, validation: small };
  await fit(plainNet, { ...options, checkpoint, epochs: 1 });
  await expect(fit(halvingNet, { ...options, checkpoint, epochs: 1 })).rejects.toThrow(
    /another network, data/,
  );
});

test('gradients', async () => {
  const gradientOf = async (model: Model, data: Dataset) => {
    const gradient = await LossGradient.create(forInference(model), { batch: 50 });
    return gradient.at(gradient.parameters(), { images: pixels(data), labels: data.labels });
  };
  expect(await gradientOf(halvingNet, large)).toEqual(await gradientOf(plainNet, small));
});

test('calibration, the plan and the client', async () => {
  const plain = await prepare(plainNet, { calibration: small });
  const scaled = await prepare(halvingNet, { calibration: large });
  expect(scaled.plan).toEqual({ ...plain.plan, preprocessing: halving });
  expect(scaled.weights).toEqual(plain.weights);
  expect(scaled.calibration).toEqual(plain.calibration);
  const [a, b] = [pixels(small, [0]), pixels(large, [0])];
  expect(encodeInput(scaled.plan, b)).toEqual(encodeInput(plain.plan, a));
  const bright = a.map((value) => value + 9);
  expect(outsideRange(plain.plan, bright)).toBeDefined();
  expect(
    outsideRange(
      scaled.plan,
      bright.map((value) => 2 * value),
    ),
  ).toEqual(outsideRange(plain.plan, bright));
  const { wires } = await debugLocal(scaled, b, seededRng('debug'));
  expect(wires.every(({ wrong }) => wrong === 0)).toBe(true);
  expect(wires[0]!.error).toBeLessThan(2 ** -12);
});

test('warnings: a BatchNormalization of the pixels themselves is compared with what it gets', async () => {
  const net = new NetworkBuilder('normed', [1, 8, 8], seededRng('normed'));
  const normed = net.batchNorm('norm', net.input, 1);
  const hidden = net.relu(
    'relu',
    net.conv('conv', normed, { inChannels: 1, channels: 4, kernel: 3, stride: 2 }),
  );
  const model = net.build(net.gemm('fc', net.flatten('flatten', hidden), 64, 3));
  const values = pixels(small);
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  model.weights.get('norm.mean')!.data[0] = mean;
  model.weights.get('norm.variance')!.data[0] =
    values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  const halves = { ...model, graph: { ...model.graph, preprocessing: halving } };
  // Images without labels: the network is not trained, and its accuracy would be warned of.
  const warningsOf = async (of: Model, { n, ...data }: Dataset) =>
    (await prepare(of, { calibration: { images: pixels({ ...data, n }), n } })).calibration.warnings;
  expect(await warningsOf(model, small)).toEqual([]);
  expect(await warningsOf(halves, large)).toEqual([]);
  expect((await warningsOf(halves, halved(small)))[0]).toMatch(/node norm: its inputs are not those/);
});

test('a file and a plan keep it; without it a plan has the same bytes as before', async () => {
  const file = writeModel({
    ...halvingNet,
    graph: { ...halvingNet.graph, preprocessing: { ...halving, resize: 10 }, classes: ['a', 'b', 'c'] },
  });
  const again = readModel(file, 'again.onnx');
  expect(again.graph.preprocessing).toEqual({ ...halving, resize: 10 });
  expect(again.graph.classes).toEqual(['a', 'b', 'c']);
  const { plan } = await prepare(again, { calibration: large });
  expect(parsePlan(serialisePlan(plan))).toEqual(plan);
  expect(plan.preprocessing).toEqual({ ...halving, resize: 10 });
  expect(plan.classes).toEqual(['a', 'b', 'c']);
  const bytes = serialisePlan(
    (await prepare(plainNet, { calibration: { images: pixels(small), n: 96 } })).plan,
  );
  expect(Object.keys(JSON.parse(new TextDecoder().decode(bytes)) as object)).toEqual([
    ...['version', 'name', 'input', 'output', 'wires', 'steps'],
  ]);
});
