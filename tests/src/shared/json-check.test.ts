import { expect, test } from 'vitest';
import {
  either,
  integer,
  list,
  Malformed,
  number,
  oneOf,
  pairOf,
  record,
  text,
  variants,
} from '../../../src/shared/json-check.ts';
import type { Check } from '../../../src/shared/json-check.ts';
import { fromBase64, fromHex, toBase64, toHex } from '../../../src/shared/text.ts';

const shape = variants('kind', {
  circle: record({ kind: oneOf('circle'), radius: number(0) }, { name: text(3) }),
  polygon: record({ kind: oneOf('polygon'), corners: list(pairOf(integer(0, 9)), 3, 4) }),
});

test.each([
  ['a circle', shape, { kind: 'circle', radius: 1.5 }],
  ['with what is optional', shape, { kind: 'circle', radius: 0, name: 'abc' }],
  ['a polygon', shape, { kind: 'polygon', corners: [[0, 1], [2, 3], [9, 9]] }], // prettier-ignore
  ['null', either(oneOf(null), integer(1, 2)), null],
  ['or a number', either(oneOf(null), integer(1, 2)), 2],
] as const)('%s passes and comes out equal', (_, check: Check<unknown>, value) => {
  expect(check(value, [])).toEqual(value);
});

test.each([
  ['a kind that is none', { kind: 'toString' }, 'kind: expected circle, polygon'],
  ['an array', [], 'expected an object'],
  ['a field missing', { kind: 'circle' }, 'radius: expected a number of at least 0'],
  ['a field too many', { kind: 'circle', radius: 1, __proto: 1 }, 'expected no field "__proto"'],
  ['not a number', { kind: 'circle', radius: '1' }, 'radius: expected a number of at least 0'],
  ['infinity', { kind: 'circle', radius: Infinity }, 'radius: expected a number of at least 0'],
  ['a long text', { kind: 'circle', radius: 1, name: 'abcd' }, 'name: expected at most 3 characters'],
  ['undefined', { kind: 'circle', radius: 1, name: undefined }, 'name: expected a string'],
  ['too few', { kind: 'polygon', corners: [] }, 'corners: expected an array of 3 to 4'],
  [
    'a half in a pair',
    { kind: 'polygon', corners: [[0, 1], [2, 0.5], [1, 1]] }, // prettier-ignore
    'corners.1.1: expected an integer from 0 to 9',
  ],
])('%s is malformed', (_, value, message) => {
  expect(() => shape(value, [])).toThrow(message);
  expect(() => shape(value, [])).toThrow(Malformed);
});

test('hexadecimal and base64 there and back, also of more than one piece; other text is no base64', () => {
  for (const length of [0, 1, 2, 3, 100, 20_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * i + 7) & 255);
    expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
    expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
    expect(fromHex(toHex(bytes))).toEqual(bytes);
    expect(fromBase64(toBase64(bytes))).toEqual(bytes);
  }
  expect(fromBase64('a*b')).toBeUndefined();
});
