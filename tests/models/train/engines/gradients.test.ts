import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { seededUniform } from '../../../../models/data/seeded.ts';
import type { OpType } from '../../../../models/graph.ts';
import { suitsWinograd } from '../../../../models/ops/windows/conv-winograd.ts';
import type { Gradient, TrainingContext } from '../../../../models/ops/gradient.ts';
import { ops } from '../../../../models/ops/index.ts';
import { sizeOf, tensor } from '../../../../models/tensor.ts';
import { chooseBackend } from '../../../../models/train/engines/tfjs/backends.ts';
import { tfjsNetwork } from '../../../../models/train/engines/tfjs/network.ts';
import { gradientsByGraph } from '../../../helpers/networks/finite-differences.ts';
import { relativeDifference } from '../../../helpers/differences.ts';
import { randomCase } from '../../../helpers/networks/random-nodes.ts';
import type { RandomCase } from '../../../helpers/networks/random-nodes.ts';

/*
 * Our gradients, a graph that onnxruntime runs, against tfjs's, which differentiates its own forward pass: two derivations of each.
 */

const batch = 3;

/**
 * Of the largest number of a gradient: both add up to 200 float32 products, in other orders, 200 x 6e-8 at
 * worst. Measured: 1.7e-6.
 */
const tolerance = 1e-5;

type Gradients = Readonly<Record<string, Float32Array>>;

function numbers(n: number, seed: number): Float32Array {
  const uniform = seededUniform(seed, 99);
  return Float32Array.from({ length: n }, () => 8 * uniform() - 4);
}

function byTfjs({ model, wanted }: RandomCase, image: Float32Array, seed: Float32Array): Gradients {
  const { forward } = tfjsNetwork(model);
  const images = tf.tensor(image, [batch, ...model.graph.inputs[0]!.shape]);
  const tensors = new Map<string, tf.Tensor>([['image', images]]);
  for (const [name, { shape, data }] of model.weights) tensors.set(name, tf.tensor(data, [...shape]));
  const variables = wanted.map((name) => tf.variable(tensors.get(name)!));
  const weights = new Map([...tensors, ...variables.map((v, i) => [wanted[i]!, v] as const)]);
  const { value, grads } = tf.variableGrads(() => {
    const y = forward(
      weights.get('image')!,
      (name) => weights.get(name)!,
      () => undefined,
    );
    return tf.sum(tf.mul(y, tf.tensor(seed, y.shape)));
  });
  const zeros = (name: string) => new Float32Array(weights.get(name)!.size);
  const found = variables.map((v, i) => {
    return [wanted[i]!, (grads[v.name]?.dataSync() as Float32Array) ?? zeros(wanted[i]!)];
  });
  tf.dispose([value, grads, variables, [...tensors.values()]]);
  return Object.fromEntries(found) as Gradients;
}

type Pair = { readonly ours: Gradients; readonly theirs: Gradients };

async function bothWays(drawn: RandomCase, seed: number): Promise<Pair> {
  const { model, wanted } = drawn;
  const image = numbers(batch * sizeOf(model.graph.inputs[0]!.shape), seed);
  const dOutput = numbers(batch * sizeOf(model.graph.outputs[0]!.shape), seed + 1);
  const ours = await gradientsByGraph(model, { batch, image, wanted, seed: dOutput });
  return {
    ours: Object.fromEntries(wanted.map((name) => [name, ours[`d.${name}`]!])),
    theirs: byTfjs(drawn, image, dOutput),
  };
}

const isZero = (values: Float32Array): boolean => values.every((value) => value === 0);

/** The largest difference over the largest number; 0 where both are 0 everywhere. */
function disagreement({ ours, theirs }: Pair, name: string): number {
  const [a, b] = [ours[name]!, theirs[name]!];
  return isZero(a) && isZero(b) ? 0 : relativeDifference(a, b);
}

const opTypes = Object.keys(ops) as OpType[];
const seeds = [1, 2, 3, 4, 5, 6];

beforeAll(async () => {
  await chooseBackend(['cpu'], () => undefined);
});
afterEach(() => vi.restoreAllMocks());

test("the wasm backend's convolutions, whose gradients are made of other kernels, agree too", async () => {
  await chooseBackend(['wasm'], () => undefined);
  const depthwise = (seed: number) => {
    const drawn = randomCase('Conv', seed);
    const { group } = drawn.model.graph.nodes[0]!.attributes as { group: number };
    return group > 1 && drawn.model.weights.get('w')!.shape[1] === 1;
  };
  const many = Array.from({ length: 24 }, (_, i) => i + 1);
  expect(many.filter(depthwise).length).toBeGreaterThan(2);
  for (const seed of many) {
    const both = await bothWays(randomCase('Conv', seed), seed);
    for (const name of Object.keys(both.ours))
      expect(disagreement(both, name), `${name}, seed ${seed}`).toBeLessThan(tolerance);
  }
  await chooseBackend(['cpu'], () => undefined);
});

test('those of a wide convolution, which ours computes by minimal filtering, agree too', async () => {
  await chooseBackend(['wasm'], () => undefined);
  const shape = [64, 16, 15] as const;
  const attributes = {
    kernel: [3, 3],
    strides: [1, 1],
    pads: [1, 1, 1, 1],
    dilations: [1, 1],
    group: 1,
  } as const;
  const node = { op: 'Conv', name: 'n', inputs: ['image', 'w'], outputs: ['y'], attributes } as const;
  const graph = {
    name: 'wide',
    inputs: [{ name: 'image', shape }],
    outputs: [{ name: 'y', shape }],
    nodes: [node],
  };
  const weights = new Map([['w', tensor([64, 64, 3, 3], numbers(64 * 64 * 9, 5))]]);
  const both = await bothWays({ model: { graph, weights }, wanted: ['image', 'w'] }, 1);
  const shapes = new Map<string, readonly number[]>([['image', [batch, ...shape]], ['y', [batch, ...shape]]]); // prettier-ignore
  const context = { shapeOf: (name: string) => shapes.get(name)! } as unknown as TrainingContext;
  expect(suitsWinograd(node, context)).toBe(true);
  for (const name of ['image', 'w']) expect(disagreement(both, name), name).toBeLessThan(tolerance);
  await chooseBackend(['cpu'], () => undefined);
});

describe.each(opTypes)('%s', (op) => {
  test('its gradients are those that tfjs finds', async () => {
    for (const seed of seeds) {
      const drawn = randomCase(op, seed);
      const both = await bothWays(drawn, seed);
      for (const name of drawn.wanted)
        expect(disagreement(both, name), `${name}, seed ${seed}`).toBeLessThan(tolerance);
    }
  });

  test('the sign of any of them turned, it is caught', async () => {
    const drawn = randomCase(op, 1);
    const right = await bothWays(drawn, 1);
    const definition = ops[op] as { gradient: Gradient<OpType> };
    const { gradient } = definition;
    for (const [turned, name] of drawn.wanted.entries()) {
      if (isZero(right.theirs[name]!)) continue;
      vi.spyOn(definition, 'gradient').mockImplementation((node, context) => {
        const pullBack = gradient(node, context);
        const turn = (g: string) => context.graph.op('Neg', [g]);
        return (dy, needed) => pullBack(dy, needed).map((g, i) => (g && i === turned ? turn(g) : g));
      });
      expect(disagreement(await bothWays(drawn, 1), name), name).toBeGreaterThan(0.1);
      vi.restoreAllMocks();
    }
  });
});
