import { describe, expect, test } from 'vitest';
import { productRequestBytes, productResponseBytes } from '../../../crypto/he/product.ts';
import { elementKinds } from '../../../crypto/spec.ts';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import { emptyActivation } from '../../../pipelines/compile/plan-builder.ts';
import { activationSteps, planVersion } from '../../../pipelines/plan/plan.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { JoinedSquares, squareBatches } from '../../../pipelines/inference/joined-squares.ts';
import { seededRng } from '../../helpers/rng.ts';

/**
 * One activation after the other; of each layer the first `squares` elements are squares, one more is a ReLU.
 */
function planOf(...squares: number[]): Plan {
  const steps = squares.map((count, i) => {
    const spec = emptyActivation([count + 1]);
    spec.kinds.fill(elementKinds.square).set([elementKinds.relu], count);
    const ends = { inputs: [i], output: i + 1 };
    return { kind: 'activation' as const, id: i + 1, node: `layer ${i}`, ...ends, spec };
  });
  const wires = [squares[0]!, ...squares].map((count) => ({ shape: [count + 1], scale: 1, bits: 20 }));
  return {
    version: planVersion,
    name: 'squares',
    input: { wire: 0 },
    output: { answer: 'logits', wire: squares.length },
    wires,
    steps,
  };
}

const placed = (plan: Plan) =>
  squareBatches(plan).map(({ step, first, count }) => [step.id, first, count] as const);

describe('squares of all layers are joined', () => {
  test.each([
    [[0, 0], []],
    [[100, 0, 50], [[1, 0, 150]]],
    [
      [0, 65_536, 1],
      [
        [2, 0, 65_536],
        [3, 65_536, 1],
      ],
    ],
    [
      [10, 150_000, 5],
      [
        [1, 0, 65_536],
        [2, 65_536, 65_536],
        [2, 131_072, 18_943],
      ],
    ],
  ] as [number[], number[][]][])('%j', (squares, batches) => {
    expect(placed(planOf(...squares))).toEqual(batches);
  });

  test('eight small layers pay for one ciphertext each way under each prime, at the first of them', () => {
    const small = planOf(...new Array<number>(8).fill(1000));
    const withSquares = predictCost(small).steps.map(({ offline }) => offline);
    const [first, ...others] = withSquares;
    const circuits = others[0]!;
    expect(first!.bytes_up - circuits.bytes_up).toBe(16 + productRequestBytes(8000));
    expect(first!.bytes_down - circuits.bytes_down).toBe(16 + productResponseBytes(8000));
    expect(productRequestBytes(8000)).toBe(productRequestBytes(1));
    for (const other of others) expect(other).toEqual(circuits);
  });

  test('each layer gets the products of its own factors, whichever batch they were in', async () => {
    const plan = planOf(3, 70_000, 0, 2);
    const squares = new JoinedSquares(plan, seededRng('factors'));
    const twice = (factors: Uint32Array) => Promise.resolve(factors.map((word) => 2 * word));
    const running = squares.batches.map((batch) => squares.exchange(batch, twice));
    await Promise.all(running);
    const seen = new Set<number>();
    for (const [i, step] of activationSteps(plan).entries()) {
      const factors = squares.factors(step);
      expect(factors).toHaveLength([3, 70_000, 0, 2][i]!);
      expect(await squares.shares(step)).toEqual(factors.map((word) => 2 * word));
      for (const factor of factors) seen.add(factor);
    }
    // Uniform words: one pair in 10^6 coincides.
    expect(seen.size).toBeGreaterThan(70_005 - 10);
  });

  test('a batch that fails fails the layers in it and no other', async () => {
    const plan = planOf(65_536, 5);
    const squares = new JoinedSquares(plan, seededRng('factors'));
    const [first, second] = activationSteps(plan);
    const failing = squares.exchange(squares.batches[0]!, () => Promise.reject(new Error('malformed')));
    const whole = squares.exchange(squares.batches[1]!, (factors) => Promise.resolve(factors));
    await expect(failing).rejects.toThrow('malformed');
    await whole;
    await expect(squares.shares(first!)).rejects.toThrow('malformed');
    expect(await squares.shares(second!)).toEqual(squares.factors(second!));
  });
});
