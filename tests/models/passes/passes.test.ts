import { describe, expect, test } from 'vitest';
import { ModelError } from '../../../src/shared/errors.ts';
import { normals } from '../../../models/architectures/init.ts';
import { inferShapes, verifyModel } from '../../../models/analysis/shapes.ts';
import { activationKinds } from '../../../models/graph.ts';
import type { Model, Node } from '../../../models/graph.ts';
import { countRelus } from '../../../models/analysis/inspect.ts';
import { readModel } from '../../../models/files/read.ts';
import type { RawNode } from '../../../models/onnx/raw.ts';
import { dropRelus } from '../../../models/passes/drop-relu.ts';
import { foldBatchNorm } from '../../../models/passes/merges/fold-batch-norm.ts';
import { forInference, removeIdentity } from '../../../models/passes/index.ts';
import { replaceActivation } from '../../../models/passes/replace-relu.ts';
import { Evaluator, predict } from '../../../models/runtime/run.ts';
import { tensor } from '../../../models/tensor.ts';
import { maximumDifference } from '../../helpers/differences.ts';
import { tinyResnet } from '../../helpers/networks/networks.ts';
import { floats, rawModel } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

const opsOf = (model: Model) => model.graph.nodes.map((node) => node.op);
const x = normals(3 * 128, seededRng('x'));

describe('foldBatchNorm', () => {
  const statistics = ['s', 'b', 'm'].map((name) => floats(name, [5]));
  const variance = { ...floats('v', [5]), data: Float32Array.of(0.5, 1, 2, 0.1, 3) } as const;
  const initializers = [
    floats('w', [5, 2, 3, 3]),
    floats('c', [5]),
    floats('g', [128, 5]),
    ...statistics,
    variance,
  ];
  const normalise: RawNode = { op: 'BatchNormalization', inputs: ['z', 's', 'b', 'm', 'v'], outputs: ['y'] };
  const flatten: RawNode = { op: 'Flatten', inputs: ['x'], outputs: ['f'] };
  const half = { beta: { float: 0.5 }, alpha: { float: 2 } };
  const pairs: [string, readonly RawNode[], number][] = [
    ['Conv with bias', [{ op: 'Conv', inputs: ['x', 'w', 'c'], outputs: ['z'] }, normalise], 4],
    ['Conv without bias', [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['z'] }, normalise], 4],
    [
      'Gemm',
      [flatten, { op: 'Gemm', inputs: ['f', 'g', 'c'], outputs: ['z'], attributes: half }, normalise],
      2,
    ],
  ];
  test.each(pairs)('%s: equal to within float32 rounding', async (_name, nodes, rank) => {
    const model = readModel(rawModel(['N', 2, 8, 8], nodes, initializers, rank), 'pair.onnx');
    const folded = foldBatchNorm(model);
    verifyModel(folded);
    expect(opsOf(folded)).not.toContain('BatchNormalization');
    const [before, after] = [await predict(model, x, 3), await predict(folded, x, 3)];
    expect(maximumDifference(before, after)).toBeLessThanOrEqual(roundingOf(await magnitude(folded)));
    // and not the same as with another statistic
    const wrong = new Map(model.weights).set('m', tensor([5], Float32Array.of(1, 1, 1, 1, 1)));
    const other = await predict(foldBatchNorm({ ...model, weights: wrong }), x, 3);
    expect(maximumDifference(before, other)).toBeGreaterThan(roundingOf(await magnitude(folded)));
  });

  /**
   * The largest sum of absolute products in an output, and what mean and bias add to it before they cancel
   * (at most 8).
   */
  async function magnitude(folded: Model): Promise<number> {
    const weights = new Map(
      [...folded.weights].map(([name, t]) => [name, { ...t, data: t.data.map(Math.abs) }]),
    );
    return (
      8 + (await predict({ ...folded, weights }, x.map(Math.abs), 3)).reduce((a, b) => Math.max(a, b), 0)
    );
  }
  /**
   * Two sums of at most 128 products and 6 roundings of the affine map: Higham, gamma_n = n u / (1 - n u), u
   * = 2^-24.
   */
  function roundingOf(size: number): number {
    return 2 * 134 * 2 ** -24 * size;
  }

  test('a whole network keeps its ReLUs and loses its batch norms', async () => {
    const model = tinyResnet();
    const folded = forInference(model);
    verifyModel(folded);
    expect(opsOf(folded)).not.toContain('BatchNormalization');
    expect(countRelus(folded)).toBe(countRelus(model));
    const [before, after] = [await predict(model, x, 3), await predict(folded, x, 3)];
    expect(maximumDifference(before, after)).toBeLessThan(1e-5 * Math.max(...before.map(Math.abs)));
  });

  test('a convolution that another node uses is left alone', () => {
    const nodes: RawNode[] = [
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['z'] },
      { ...normalise, outputs: ['n'] },
      { op: 'Add', inputs: ['z', 'n'], outputs: ['y'] },
    ];
    const model = readModel(rawModel(['N', 2, 8, 8], nodes, initializers), 'shared.onnx');
    expect(opsOf(foldBatchNorm(model))).toEqual(['Conv', 'BatchNormalization', 'Add']);
  });

  test.each([
    ['a weight', { s: 1e38 }],
    ['a bias', { s: 10, m: 1e38 }],
  ])('nothing is folded where %s would pass float32', (_what, large) => {
    const [, nodes, rank] = pairs[0]!;
    const model = readModel(rawModel(['N', 2, 8, 8], nodes, initializers, rank), 'large.onnx');
    const weights = new Map(model.weights);
    for (const [name, value] of Object.entries(large))
      weights.set(name, tensor([5], Float32Array.of(1, 1, 1, value, 1)));
    expect(opsOf(foldBatchNorm({ ...model, weights }))).toEqual(['Conv', 'BatchNormalization']);
  });
});

describe('removeIdentity', () => {
  test('removes Identity and Dropout, at the end of the graph too', async () => {
    const nodes: RawNode[] = [
      { op: 'Identity', inputs: ['x'], outputs: ['a'] },
      { op: 'Relu', inputs: ['a'], outputs: ['b'] },
      { op: 'Dropout', inputs: ['b'], outputs: ['c'] },
      { op: 'Add', inputs: ['c', 'a'], outputs: ['d'] },
      { op: 'Identity', inputs: ['d'], outputs: ['y'] },
    ];
    const model = readModel(rawModel(['N', 2, 8, 8], nodes), 'identities.onnx');
    const removed = removeIdentity(model);
    verifyModel(removed);
    expect(opsOf(removed)).toEqual(['Relu', 'Add']);
    expect(removed.graph.outputs).toEqual(model.graph.outputs);
    expect(await predict(removed, x, 3)).toEqual(await predict(model, x, 3));
  });

  test('an identity between the input and the output has to stay', () => {
    const model = readModel(
      rawModel(['N', 2, 8, 8], [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }]),
      'id.onnx',
    );
    verifyModel(removeIdentity(model));
    expect(opsOf(removeIdentity(model))).toEqual(['Identity']);
  });
});

test('dropRelus removes exactly the ReLUs it is told to', async () => {
  const model = tinyResnet();
  const names = ['stage1.block0.relu1', 'stage2.block0.relu2'];
  const dropped = dropRelus(model, names);
  verifyModel(dropped);
  expect(countRelus(model) - countRelus(dropped)).toBe(4 * 64 + 6 * 16);
  expect(opsOf(dropped).length).toBe(opsOf(model).length - 2);
  expect(() => dropRelus(model, ['stem.conv'])).toThrow(new ModelError('no activation is called stem.conv'));
  const evaluator = await Evaluator.create(dropped, { outputs: ['stage2.block0.add'], threads: 1 });
  const sum = (await evaluator.run(x, 3)).get('stage2.block0.add')!;
  await evaluator.release();
  expect(sum.some((v) => v < 0)).toBe(true);
});

describe('replaceActivation', () => {
  const name = 'stage2.block0.relu1';
  const size = 6 * 16;
  const c2 = normals(6, seededRng('c2'));
  const c1 = normals(6, seededRng('c1'));
  const c0 = normals(6, seededRng('c0'));
  const all = (kind: keyof typeof activationKinds) => new Uint8Array(size).fill(activationKinds[kind]);
  const outputOf = (model: Model) => model.graph.nodes.find((n): n is Node => n.name === name)!.outputs[0]!;

  test('each element gets its kind', async () => {
    const kinds = Uint8Array.from({ length: size }, (_, i) => (i * 7) % 3);
    const model = replaceActivation(tinyResnet(), name, { kinds, c2, c1, c0 });
    verifyModel(model);
    expect(countRelus(tinyResnet()) - countRelus(model)).toBe(
      kinds.filter((k) => k !== activationKinds.relu).length,
    );
    const evaluator = await Evaluator.create(model, {
      outputs: ['stage2.block0.bn1', outputOf(model)],
      threads: 1,
    });
    const values = await evaluator.run(x, 3);
    await evaluator.release();
    const input = values.get('stage2.block0.bn1')!;
    const expected = input.map((v, i) => {
      const channel = Math.floor((i % size) / 16);
      const poly = Math.fround(
        Math.fround(Math.fround(Math.fround(v * c2[channel]!) + c1[channel]!) * v) + c0[channel]!,
      );
      return [v, Math.max(v, 0), poly][kinds[i % size]!]!;
    });
    // onnxruntime may use fused multiply-add in the polynomial: one rounding less, at values below 64
    expect(maximumDifference(values.get(outputOf(model))!, expected)).toBeLessThanOrEqual(64 * 2 ** -23);
  });

  test('all relu is a Relu again, all identity is nothing', () => {
    const mixed = replaceActivation(tinyResnet(), name, { kinds: all('poly'), c2, c1, c0 });
    expect(countRelus(mixed)).toBe(countRelus(tinyResnet()) - size);
    const back = replaceActivation(mixed, name, { kinds: all('relu'), c2, c1, c0 });
    expect(back.graph).toEqual(tinyResnet().graph);
    expect(back.weights.size).toBe(tinyResnet().weights.size);
    const none = replaceActivation(mixed, name, { kinds: all('identity'), c2, c1, c0 });
    expect(none.graph).toEqual(dropRelus(tinyResnet(), [name]).graph);
    expect(inferShapes(none).has(name)).toBe(false);
  });

  test('refuses other nodes and sizes', () => {
    const activation = { kinds: all('poly'), c2, c1, c0 };
    expect(() => replaceActivation(tinyResnet(), 'stem.conv', activation)).toThrow(
      /expected an activation, got Conv/,
    );
    expect(() => replaceActivation(tinyResnet(), 'nowhere', activation)).toThrow(/got no node/);
    expect(() => replaceActivation(tinyResnet(), 'stem.relu', activation)).toThrow(
      /expected 256 values of kinds, got 96/,
    );
  });
});
