import { InferenceSession, Tensor as OrtTensor } from '../../../../models/runtime/onnxruntime.ts';
import { expect, test } from 'vitest';
import { seededUniform } from '../../../../models/data/seeded.ts';
import { verifyModel } from '../../../../models/analysis/shapes.ts';
import type { GatedAttributes, Model, PolynomialForm } from '../../../../models/graph.ts';
import { polynomialForms } from '../../../../models/graph.ts';
import { GraphBuilder } from '../../../../models/onnx/graph-builder.ts';
import { readModel } from '../../../../models/files/read.ts';
import { writeModel } from '../../../../models/files/write.ts';
import { Evaluator } from '../../../../models/runtime/run.ts';
import { sizeOf, tensor } from '../../../../models/tensor.ts';
import { differentiate } from '../../../../models/train/autodiff.ts';
import { awayFromZero } from '../../../helpers/networks/finite-differences.ts';

const shape = [2, 1, 3];
const x = Float32Array.of(-2, -0.5, 1, 0.25, 3, -1);
const m = [0.2, -0.2, 0.05, -0.05, 0.3, -0.3];
const s = [1, 1, 0, 1, 0, 0];
/** What the hysteresis of 0.1 makes of the two: only what has passed the far threshold turns. */
const moved = [1, 0, 0, 1, 1, 0];

function modelOf(attributes: GatedAttributes, gate: readonly number[], gateShape = shape): Model {
  const statistics = [
    ['state', tensor(shape, Float32Array.from(s))],
    ['moments', tensor([7, 2])],
  ] as const;
  const weights = new Map([
    ['gate', tensor(gateShape, Float32Array.from(gate))],
    ['c2', tensor([2], Float32Array.of(0.5, -1))],
    ['c1', tensor([2], Float32Array.of(0.25, 2))],
    ['c0', tensor([2], Float32Array.of(-1, 0.5))],
    ...(attributes.threshold === undefined ? [] : statistics),
  ]);
  const inputs = ['x', ...weights.keys()];
  const nodes = [{ op: 'GatedActivation', name: 'g', inputs, outputs: ['y'], attributes } as const];
  const values = [{ name: 'x', shape }];
  return { graph: { name: 'gated', inputs: values, outputs: [{ name: 'y', shape }], nodes }, weights };
}

const polynomials: Record<PolynomialForm, (v: number, channel: number) => number> = {
  none: () => 0,
  identity: (v) => v,
  affine: (v, c) => [0.25, 2][c]! * v + [-1, 0.5][c]!,
  quadratic: (v, c) => [0.5, -1][c]! * v * v + [0.25, 2][c]! * v + [-1, 0.5][c]!,
};

test.each(polynomialForms)('%s: the file computes g relu(x) + (1 - g) p(x)', async (replacement) => {
  const gates = [1, 0, 0.5, 0.25, 1, 0];
  const expected = Array.from(x, (v, i) => {
    const p = polynomials[replacement](v, Math.floor(i / 3));
    return gates[i]! * Math.max(v, 0) + (1 - gates[i]!) * p;
  });
  expect(await valuesOf(modelOf({ replacement }, gates))).toEqual(expected); // all exact in float32
});

test('with a threshold the file takes the state, not the trained number', async () => {
  const model = modelOf({ replacement: 'identity', threshold: 0.1 }, m);
  const expected = Array.from(x, (v, i) => (s[i] === 1 ? Math.max(v, 0) : v));
  expect(await valuesOf(model)).toEqual(expected);
});

test('in training the state moves by the hysteresis first, and the gradient goes straight through', async () => {
  const hard = await trained(modelOf({ replacement: 'quadratic', threshold: 0.1 }, m));
  const soft = await trained(modelOf({ replacement: 'quadratic' }, moved));
  expect(hard.state).toEqual(moved);
  expect(hard.y).toEqual(soft.y);
  expect(hard.dx).toEqual(soft.dx);
  hard.dGate.forEach((d, i) => {
    const slope = Math.log1p(Math.exp(m[i]!));
    expect(d).toBeCloseTo(slope * soft.dGate[i]!, 5);
    expect(d).not.toBe(0);
  });
});

test('the moments are means over images and places, of the input and of its ReLU', async () => {
  const { moments } = await trained(modelOf({ replacement: 'affine', threshold: 0.1 }, m));
  const relu = x.map((v) => Math.max(v, 0));
  const mean = (values: Float32Array, power: number) =>
    [0, 3].map((start) => values.slice(start, start + 3).reduce((sum, v) => sum + v ** power, 0) / 3);
  const expected = [1, 2, 3, 4].map((k) => mean(x, k)).concat([1, 2, 3].map((k) => mean(relu, k)));
  expected.flat().forEach((value, i) => expect(moments[i]).toBeCloseTo(value, 5));
});

test('a gate of another shape, and a state without a threshold, are refused', () => {
  expect(() => verifyModel(modelOf({ replacement: 'identity' }, [1, 1], [2, 1, 1]))).not.toThrow();
  expect(() => verifyModel(modelOf({ replacement: 'identity' }, [1, 1, 1], [1, 1, 3]))).toThrow(
    /g \(Gated.*one per element or channel/,
  );
  const { graph, weights } = modelOf({ replacement: 'identity', threshold: 0.1 }, m);
  const [node] = graph.nodes;
  const soft = { ...node!, attributes: { replacement: 'identity' } } as typeof node & object;
  expect(() => verifyModel({ graph: { ...graph, nodes: [soft] }, weights })).toThrow(/expected statistics/);
});

test('the file reads back as the standard ops it is', () => {
  const model = readModel(writeModel(modelOf({ replacement: 'none' }, m)), 'gated.onnx');
  expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Relu', 'Mul']);
});

async function valuesOf(model: Model): Promise<number[]> {
  const evaluator = await Evaluator.create(model, { threads: 1 });
  const y = (await evaluator.run(x, 1)).get('y')!;
  await evaluator.release();
  return [...y];
}

/** One image forward and back as training does it. */
async function trained(model: Model) {
  const graph = new GraphBuilder();
  graph.input('x', 'float32', [1, ...shape]);
  for (const [name, weight] of model.weights) graph.initializer({ name, dtype: 'float32', ...weight });
  const seed = graph.floats(awayFromZero(6, seededUniform(3)), [1, ...shape]);
  const { statistics, backward } = differentiate(graph, model, 1, new Set(['x', 'gate']));
  const gradients = backward(seed);
  const outputs = new Map([
    ['y', 'y'],
    ['dx', gradients.get('x')!],
    ['dGate', gradients.get('gate')!],
    ...[...statistics].map(([name, { value }]) => [name, value] as const),
  ]);
  const shapes: Record<string, readonly number[]> = { y: [1, ...shape], dx: [1, ...shape] };
  for (const [name, value] of outputs) {
    graph.output(value, `out.${name}`, 'float32', shapes[name] ?? model.weights.get(name)?.shape ?? shape);
  }
  const session = await InferenceSession.create(graph.encode('trained'), { intraOpNumThreads: 1 });
  const results = await session.run({ x: new OrtTensor('float32', x, [1, ...shape]) });
  await session.release();
  const of = (name: string) => Array.from((results[`out.${name}`]?.data as Float32Array | undefined) ?? []);
  expect(of('y').length).toBe(sizeOf(shape));
  return { y: of('y'), dx: of('dx'), dGate: of('dGate'), state: of('state'), moments: of('moments') };
}
