import { describe, expect, test } from 'vitest';
import { elementKinds } from '../../../crypto/spec.ts';
import type { ByKind } from '../../../crypto/spec.ts';
import { activationKinds } from '../../../models/graph.ts';
import type { ByActivationKind } from '../../../models/graph.ts';
import { areKinds, byKind, countByKind, kindsAmong, maskOf, onlyKind } from '../../../src/shared/kinds.ts';

const codes = { stay: 0, go: 1, wait: 2 };
const elements = Uint8Array.of(2, 0, 2, 2);

test('elements are counted, listed and marked by the names of their kinds', () => {
  expect(countByKind(codes, elements)).toEqual({ stay: 1, go: 0, wait: 3 });
  expect(kindsAmong(codes, elements)).toEqual(['stay', 'wait']);
  expect([...maskOf(codes, elements, { stay: true, go: true, wait: false })]).toEqual([0, 1, 0, 0]);
  expect(byKind(codes, (kind, code) => `${kind} ${code}`)).toEqual({
    stay: 'stay 0',
    go: 'go 1',
    wait: 'wait 2',
  });
});

test('one kind of all elements is named, several are not', () => {
  expect(onlyKind(codes, Uint8Array.of(2, 2))).toBe('wait');
  expect(onlyKind(codes, elements)).toBeUndefined();
  expect(onlyKind(codes, new Uint8Array())).toBeUndefined();
});

test('a code of no kind is found', () => {
  expect(areKinds(codes, elements)).toBe(true);
  expect(areKinds(codes, Uint8Array.of(0, 3))).toBe(false);
});

describe('the codes of all kinds', () => {
  test.each([
    ['activations', activationKinds],
    ['elements of a step', elementKinds],
  ])('of %s are 0, 1, 2, ..., each once', (_, table) => {
    const sorted = Object.values(table).toSorted((a, b) => a - b);
    expect(sorted).toEqual(sorted.map((_code, i) => i));
  });
});

test('a table without one of the kinds does not compile', () => {
  // @ts-expect-error poly is left out
  const activations: ByActivationKind<number> = { identity: 0, relu: 1 };
  // @ts-expect-error square is left out
  const steps: ByKind<number> = { relu: 0, affine: 1 };
  expect([Object.keys(activations), Object.keys(steps)].flat()).toHaveLength(4);
});
