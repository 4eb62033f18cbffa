import { expect, test } from 'vitest';
import { sgd } from '../../../models/train/optimizers.ts';
import { runGraph } from '../../helpers/run-graph.ts';

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
