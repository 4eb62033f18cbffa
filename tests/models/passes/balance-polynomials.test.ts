import { expect, test } from 'vitest';
import type { Model } from '../../../models/graph.ts';
import { activationKinds } from '../../../models/graph.ts';
import { balancePolynomials, isBalanced } from '../../../models/passes/balance-polynomials.ts';
import { predict } from '../../../models/runtime/run.ts';
import { seededRng } from '../../helpers/rng.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { mixed, residualNet } from '../../helpers/networks/networks.ts';

const { poly, relu } = activationKinds;

/** `name`'s ReLU as polynomials, with the coefficient that hardly bends made an ordinary one. */
function withPolynomials(name: string, kinds: readonly number[], bend = 0.3): Model {
  const model = mixed(residualNet(seededRng(1)), name, seededRng(2), kinds);
  model.weights.get(`${name}.c2`)!.data[1] = bend;
  return model;
}

/** Largest difference of the logits, and the largest logit. */
async function difference(a: Model, b: Model): Promise<[number, number]> {
  const images = randomImages(a, 20, seededRng('images'));
  const [x, y] = [await predict(a, images, 20), await predict(b, images, 20)];
  return [
    x.reduce((worst, value, i) => Math.max(worst, Math.abs(value - y[i]!)), 0),
    x.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
  ];
}

test.each(['block1.relu1', 'block2.relu'])('the same function, its squares of one size: %s', async (name) => {
  const model = withPolynomials(name, [poly]);
  const balanced = balancePolynomials(model);
  const before = model.weights.get(`${name}.c2`)!.data;
  const after = balanced.weights.get(`${name}.c2`)!.data;
  expect(isBalanced(before)).toBe(false);
  expect(isBalanced(after)).toBe(true);
  expect([...after].map(Math.sign)).toEqual([...before].map(Math.sign));
  const [off, largest] = await difference(model, balanced);
  // float32, some hundred terms
  expect(off).toBeLessThan(1e-5 * largest);
});

test('one row of weights left as it was is another function', async () => {
  const model = withPolynomials('block1.relu1', [poly]);
  const balanced = balancePolynomials(model);
  const row = model.weights.get('block1.conv1.weight')!.data.subarray(0, 54);
  balanced.weights.get('block1.conv1.weight')!.data.set(row);
  const [off, largest] = await difference(model, balanced);
  expect(off).toBeGreaterThan(1e-3 * largest);
});

test.each<[string, Model]>([
  ['ReLUs in the layer', withPolynomials('block1.relu1', [poly, relu])],
  [
    'a convolution that others read: its sum with a value that is none',
    withPolynomials('block1.relu2', [poly]),
  ],
  ['a channel that hardly bends', withPolynomials('block1.relu1', [poly], 1e-5)],
  ['no polynomials', residualNet(seededRng(1))],
])('left alone: %s', (_name, model) => {
  expect(balancePolynomials(model)).toBe(model);
});

test('balanced: plus or minus one power of four', () => {
  expect(isBalanced(Float32Array.of(0.25, -0.25))).toBe(true);
  expect(isBalanced(Float32Array.of(0.5, 0.5))).toBe(false);
  expect(isBalanced(Float32Array.of(1, 4))).toBe(false);
  expect(isBalanced(Float32Array.of(0, 0))).toBe(false);
});
