import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { countRelus } from '../../models/analysis/inspect.ts';
import { normals } from '../../models/architectures/init.ts';
import { loadModel, readModel } from '../../models/files/read.ts';
import { saveModel } from '../../models/files/write.ts';
import type { RawNode, RawTensor } from '../../models/onnx/raw.ts';
import { predict } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import type { Shape } from '../../models/tensor.ts';
import { TrainingEngine } from '../../models/train/engines/onnxruntime/engine.ts';
import { adamW } from '../../models/train/optimizers.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import { reduce } from '../../pipelines/reduce/reduce.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { simulate } from '../../pipelines/simulate/simulate.ts';
import { tinyDataset } from '../helpers/data/data.ts';
import { maximumDifference } from '../helpers/differences.ts';
import { floats, rawModel, runFile } from '../helpers/networks/onnx.ts';
import { seededRng } from '../helpers/rng.ts';

/**
 * A network with the activations of three papers as PyTorch exports their code: masked ReLUs as SNL's,
 * ReLUs masked with polynomials as AutoReP's, and squares as CryptoNets'.
 */
function published(): Uint8Array {
  const conv = (name: string, x: string, y: string): RawNode => ({
    op: 'Conv',
    name,
    inputs: [x, `${name}.weight`, `${name}.bias`],
    outputs: [y],
    attributes: { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } },
  });
  const op = (name: string, of: string, inputs: string[], output: string): RawNode => ({
    op: of,
    name,
    inputs,
    outputs: [output],
  });
  const nodes = [
    conv('conv1', 'x', 'u'),
    op('snl/Relu', 'Relu', ['u'], 'u1'),
    op('snl/Mul', 'Mul', ['snl.mask', 'u1'], 'u2'),
    op('snl/Sub', 'Sub', ['one', 'snl.mask'], 'u3'),
    op('snl/Mul_1', 'Mul', ['u3', 'u'], 'u4'),
    op('snl', 'Add', ['u2', 'u4'], 'u5'),
    conv('conv2', 'u5', 'v'),
    op('autorep/Relu', 'Relu', ['v'], 'v1'),
    op('autorep/Mul', 'Mul', ['v1', 'autorep.mask'], 'v2'),
    op('autorep/Pow', 'Pow', ['v', 'two'], 'v3'),
    op('autorep/Mul_1', 'Mul', ['a', 'v3'], 'v4'),
    op('autorep/Mul_2', 'Mul', ['b', 'v'], 'v5'),
    op('autorep/Add', 'Add', ['v4', 'v5'], 'v6'),
    op('autorep/Add_1', 'Add', ['v6', 'c'], 'v7'),
    op('autorep/Sub', 'Sub', ['one', 'autorep.mask'], 'v8'),
    op('autorep/Mul_3', 'Mul', ['v7', 'v8'], 'v9'),
    op('autorep', 'Add', ['v2', 'v9'], 'v10'),
    conv('conv3', 'v10', 'w'),
    op('square', 'Mul', ['w', 'w'], 'w1'),
    op('pool', 'GlobalAveragePool', ['w1'], 'w2'),
    op('flatten', 'Flatten', ['w2'], 'w3'),
    op('fc', 'Gemm', ['w3', 'fc.weight', 'fc.bias'], 'y'),
  ];
  const weights = [
    ...['conv1', 'conv2', 'conv3'].flatMap((name, i) => [
      scaled(`${name}.weight`, [4, i === 0 ? 2 : 4, 3, 3], 0.2),
      scaled(`${name}.bias`, [4], 0.2),
    ]),
    scaled('fc.weight', [4, 3], 0.5),
    scaled('fc.bias', [3], 0.5),
    constant('one', [], [1]),
    constant('two', [], [2]),
    constant('snl.mask', [4, 8, 8], bits('snl', 256)),
    constant('autorep.mask', [1, 4, 8, 8], bits('autorep', 256)),
    constant('a', [1, 4, 1, 1], [0.1, 0.2, 0.15, 0.3]),
    constant('b', [1, 4, 1, 1], [0.5, 0.6, 0.4, 0.5]),
    constant('c', [1, 4, 1, 1], [0.1, 0, -0.2, 0.3]),
  ];
  return rawModel(['N', 2, 8, 8], nodes, weights, 2);
}

function scaled(name: string, shape: Shape, factor: number): RawTensor {
  const made = floats(name, shape);
  return { ...made, data: made.data.map((v) => factor * v) };
}

function constant(name: string, shape: Shape, values: readonly number[]): RawTensor {
  return { name, dtype: 'float32', shape, data: Float32Array.from(values) };
}

function bits(seed: string, count: number): number[] {
  return Array.from(seededRng(seed).bytes(count), (v) => v % 2);
}

const bytes = published();
const network = () => readModel(bytes, 'published.onnx');
const relus = [...bits('snl', 256), ...bits('autorep', 256)].reduce((sum, bit) => sum + bit, 0);

test('its activations are read, and count the ReLUs of the masks', () => {
  const mixed = network().graph.nodes.filter((node) => node.op === 'MixedActivation');
  expect(mixed.map((node) => node.name)).toEqual(['snl', 'autorep', 'square']);
  expect(countRelus(network())).toBe(relus);
});

test('it runs privately, with the logits that onnxruntime gives for the file', async () => {
  const n = 20;
  const images = normals(n * 128, seededRng('images'));
  const made = await prepare(network(), { calibration: { images, n } });
  const integer = await simulate(made.plan, made.weights, images, n, seededRng('shares'));
  const { data } = await runFile(bytes, images, [n, 2, 8, 8]);
  const bound = logitErrorBound(made).likely;
  expect(maximumDifference(integer, data)).toBeLessThan(bound);
  // and the bound is of use: it is below the logits, though averages do not reduce it
  expect(bound).toBeLessThan(data.reduce((largest, y) => Math.max(largest, Math.abs(y)), 0) / 4);
});

test('it is reduced below the ReLUs that its masks left, and a saved file is the same network', async () => {
  const data = tinyDataset(96, 'train');
  const options = { method: 'autorep', budget: '100', data, epochs: 2, threads: 1 } as const;
  const { model } = await reduce(network(), options);
  expect(countRelus(model)).toBeLessThanOrEqual(100);
  expect(countRelus(model)).toBeGreaterThan(0);
  const folder = await mkdtemp(join(tmpdir(), 'reluctant-'));
  try {
    await saveModel(join(folder, 'reduced.onnx'), model);
    const again = await loadModel(join(folder, 'reduced.onnx'));
    const images = normals(5 * sizeOf([2, 8, 8]), seededRng('again'));
    const [before, after] = await Promise.all(
      [model, again].map((each) => predict(each, images, 5, { threads: 1 })),
    );
    expect(after).toEqual(before);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('it trains: the loss falls, coefficients move, and masks stay', async () => {
  const n = 12;
  const images = normals(n * 128, seededRng('training'));
  const labels = Uint8Array.from({ length: n }, (_, i) => i % 3);
  const model = network();
  const optimizer = adamW({ weightDecay: 0 });
  const engine = await TrainingEngine.create(model, { batch: n, optimizer }, { threads: 1 });
  try {
    const losses: number[] = [];
    for (let i = 0; i < 30; i++) losses.push((await engine.run({ images, labels }, 0.01)).loss);
    expect(losses.at(-1)!).toBeLessThan(0.9 * losses[0]!);
    const trained = engine.model();
    for (const name of ['autorep.c2', 'autorep.c1', 'autorep.c0', 'square.c2'])
      expect(trained.weights.get(name)).not.toEqual(model.weights.get(name));
    expect(trained.graph).toEqual(model.graph);
    expect([...trained.weights.keys()].filter((name) => name.includes('mask'))).toEqual([]);
  } finally {
    await engine.release();
  }
});
