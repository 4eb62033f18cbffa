import { expect, test } from 'vitest';
import { checkParams, linearParams } from '../../crypto/params.ts';

test('parameters below 128 bits of security are refused', () => {
  expect(() => checkParams({ ...linearParams, primeBits: [47, 47], specialBits: 16 })).toThrow(
    /expected at most 109 bits of modulus .*, got 110/,
  );
  expect(() => checkParams({ ...linearParams, degree: 2048 })).toThrow(
    /expected at most 54 bits .*, got 109/,
  );
  expect(() => checkParams({ ...linearParams, degree: 5000 })).toThrow(
    /expected a degree of 1024, .*, got 5000/,
  );
});

test('parameters that contradict each other are refused', () => {
  expect(() => checkParams({ ...linearParams, answerBits: 93 })).toThrow(
    /expected an answer of fewer bits than the modulus, 93, got 93/,
  );
  expect(() => checkParams({ ...linearParams, answerBits: 0 })).toThrow(/got 0/);
  expect(() => checkParams({ ...linearParams, answerBits: 39 })).toThrow(
    /expected 8 bits between an answer's modulus and the plaintext modulus, got 7/,
  );
  expect(() => checkParams({ ...linearParams, primeBits: [49, 44] })).toThrow(/16 to 48 bits/);
  expect(checkParams({ ...linearParams, primeBits: [46, 47] }).primeBits).toEqual([46, 47]);
});
