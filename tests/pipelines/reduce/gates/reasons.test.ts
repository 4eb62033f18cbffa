import { expect, test } from 'vitest';
import { replacedElements } from '../../../../models/passes/replaced-elements.ts';
import { reasons } from '../../../../pipelines/reduce/gates/reasons.ts';

const scores = new Map([
  ['a', Float32Array.of(0.5, 0.1)],
  ['b', Float32Array.of(0.2, 0.4)],
]);

function whyOf(a: readonly number[], b: readonly number[]) {
  const replaced = replacedElements([
    ['a', Uint8Array.from(a)],
    ['b', Uint8Array.from(b)],
  ]);
  return reasons({ score: 'm', scores, replaced, replacementOf: () => 'affine', others: new Map() });
}

test('a layer’s reason has how many stay, the lowest score of all that stay and the layer’s mean', () => {
  expect(whyOf([0, 1], [1, 0])('b')).toBe(
    '1 of 2 have one of the highest values of m over all layers (from 0.400 on; mean here 0.300) and stay; the others are affine',
  );
});

test('where no ReLU stays there is no lowest score', () => {
  expect(whyOf([1, 1], [1, 1])('a')).toBe('no ReLU of any layer stays; all are affine');
});
