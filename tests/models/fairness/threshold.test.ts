import { expect, test } from 'vitest';
import { chooseThreshold } from '../../../models/fairness/threshold.ts';

/** Images by log-odds of class 1 and label. */
const outcomes = (images: readonly (readonly [number, number])[]) => ({
  logits: Float32Array.from(images.flatMap(([odds]) => [0, odds])),
  classes: 2,
  labels: images.map(([, label]) => label),
});

// Of class 1 are three of nine: a network that says it too seldom.
const seldom = outcomes([
  [-5, 0],
  [-4, 0],
  [-3.5, 0],
  [-3, 1],
  [-2, 0],
  [-1.5, 0],
  [-1, 1],
  [-0.5, 0],
  [2, 1],
]);

test('by hand: for accuracy its own threshold, which no other beats; balanced between -1.5 and -1', () => {
  // Right above 0: 6 + 1 = 7 of 9. Above -1.25: 5 + 2, as many, and above -3.25: 3 + 3.
  expect(chooseThreshold(seldom, 1, 'accuracy')).toBe(0);
  // Balanced: (6/6 + 1/3) / 2 = 0.67 at 0, (5/6 + 2/3) / 2 = 0.75 above -1.25, (3/6 + 3/3) / 2 = 0.75 above -3.25;
  // the nearer one is taken.
  expect(chooseThreshold(seldom, 1, 'balanced')).toBeCloseTo(-1.25, 6);
});

test('with the other class as positive the cut is the same one from the other side', () => {
  const { logits, labels } = seldom;
  const turned = { logits: logits.toReversed(), classes: 2, labels: labels.map((l) => 1 - l).toReversed() };
  expect(chooseThreshold(turned, 0, 'balanced')).toBeCloseTo(-1.25, 6);
});

test('all or none may be best; a better threshold than 0 is taken; equal odds are not parted', () => {
  const all = outcomes([
    [-3, 1],
    [-2, 1],
    [-1, 0],
  ]);
  expect(chooseThreshold(all, 1, 'accuracy')).toBe(-4);
  const none = outcomes([
    [3, 0],
    [2, 0],
    [1, 1],
  ]);
  expect(chooseThreshold(none, 1, 'accuracy')).toBe(4);
  const equal = outcomes([
    [1, 0],
    [1, 1],
    [1, 0],
    [3, 1],
  ]);
  expect(chooseThreshold(equal, 1, 'accuracy')).toBe(2);
});

test('images of one class, and networks of three, are refused', () => {
  expect(() => chooseThreshold(outcomes([[1, 1]]), 1, 'accuracy')).toThrow(/1 images have 1 positive/);
  expect(() =>
    chooseThreshold({ logits: new Float32Array(3), classes: 3, labels: [0] }, 1, 'balanced'),
  ).toThrow(/expected two classes, got 3/);
});
