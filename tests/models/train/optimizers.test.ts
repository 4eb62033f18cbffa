import { expect, test } from 'vitest';
import { adamW, sgd } from '../../../models/train/optimizers.ts';
import { runGraph } from '../../helpers/networks/run-graph.ts';

const vector = (...data: number[]) => ({ shape: [data.length], data });

async function step(momentum: number, weightDecay: number) {
  const inputs = {
    w: vector(1, -2),
    g: vector(0.5, 0.25),
    v: vector(0.1, -0.4),
    decays: vector(1, 0),
    rate: { shape: [], data: [0.1] },
  };
  return runGraph(inputs, (graph) => {
    const next = sgd({ momentum, weightDecay }).update(graph, {
      parameters: 'w',
      gradient: 'g',
      state: ['v'],
      learningRate: 'rate',
      decays: 'decays',
    });
    return { w: { value: next.parameters, rank: 1 }, v: { value: next.state[0]!, rank: 1 } };
  });
}

function expectClose(actual: readonly number[] | undefined, expected: readonly number[]): void {
  expected.forEach((value, i) => expect(actual![i]).toBeCloseTo(value, 6));
}

test('plain gradient descent', async () => {
  expectClose((await step(0, 0))['w'], [1 - 0.05, -2 - 0.025]);
});

test('a step with momentum and decay by hand; decay only where it applies', async () => {
  // g = [0.5 + 0.01 * 1, 0.25]; v = 0.9 v + g = [0.6, -0.11]; w - 0.1 (g + 0.9 v)
  const { w, v } = await step(0.9, 0.01);
  expectClose(v, [0.6, -0.11]);
  expectClose(w, [1 - 0.1 * (0.51 + 0.54), -2 - 0.1 * (0.25 - 0.099)]);
});

test('the state begins at zero', () => {
  expect(sgd({ momentum: 0.9, weightDecay: 0 }).init(3)).toEqual([new Float32Array(3)]);
});

test('two steps of AdamW by hand', async () => {
  const optimizer = adamW({ weightDecay: 0.1, beta1: 0.8, beta2: 0.9, epsilon: 0 });
  expect(optimizer.init(2)).toEqual([
    new Float32Array(2),
    new Float32Array(2),
    Float32Array.of(1),
    Float32Array.of(1),
  ]);
  const run = (w: number[], g: number[], state: readonly number[][]) => {
    const inputs = {
      w: vector(...w),
      g: vector(...g),
      decays: vector(1, 0),
      rate: { shape: [], data: [0.5] },
    };
    const states = Object.fromEntries(state.map((s, i) => [`s${i}`, vector(...s)]));
    return runGraph({ ...inputs, ...states }, (graph) => {
      const next = optimizer.update(graph, {
        parameters: 'w',
        gradient: 'g',
        state: Object.keys(states),
        learningRate: 'rate',
        decays: 'decays',
      });
      const outputs = next.state.map((value, i) => [`s${i}`, { value, rank: 1 }] as const);
      return { w: { value: next.parameters, rank: 1 }, ...Object.fromEntries(outputs) };
    });
  };
  // After one step m / (1 - beta1) = g and v / (1 - beta2) = g^2, so each weight moves by the learning rate, less its decay.
  const first = await run([1, -2], [0.5, -0.25], [[0, 0], [0, 0], [1], [1]]);
  expectClose(first['w'], [1 - 0.5 * (1 + 0.1), -2 + 0.5]);
  expectClose(first['s0'], [0.1, -0.05]);
  expectClose(first['s1'], [0.025, 0.00625]);
  // m = 0.8 * 0.1 + 0.2 g, v = 0.9 * 0.025 + 0.1 g^2 with g = [1, 0]; corrections 1 - 0.64 and 1 - 0.81
  const second = await run([0, 0], [1, 0], [first['s0']!, first['s1']!, first['s2']!, first['s3']!]);
  expectClose(second['w'], [
    (-0.5 * (0.28 / 0.36)) / Math.sqrt(0.1225 / 0.19),
    (0.5 * (0.04 / 0.36)) / Math.sqrt(0.005625 / 0.19),
  ]);
});
