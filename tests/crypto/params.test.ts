import { expect, test } from 'vitest';
import { checkParams, linearParams, productParams } from '../../crypto/params.ts';
import { PlanError } from '../../src/shared/errors.ts';

test('parameters below 128 bits of security are refused', () => {
  expect(() => checkParams({ ...linearParams, primeBits: [47, 47] })).toThrow(
    /expected at most 109 bits of modulus .*, got 110/,
  );
  expect(() => checkParams({ ...productParams, degree: 4096 })).toThrow(PlanError);
  expect(() => checkParams({ ...linearParams, degree: 5000 })).toThrow(
    /expected a degree of 1024, .*, got 5000/,
  );
});

test('parameters that contradict each other are refused', () => {
  expect(() => checkParams({ ...linearParams, kept: 2 })).toThrow(
    /expected a response to keep 1 to 1 primes, got 2/,
  );
  expect(() => checkParams({ ...linearParams, primeBits: [44, 46] })).toThrow(
    /between the kept primes and the plaintext modulus, got 12/,
  );
  expect(() => checkParams({ ...linearParams, primeBits: [49, 44] })).toThrow(/16 to 48 bits/);
  expect(checkParams({ ...linearParams, primeBits: [46, 47] }).primeBits).toEqual([46, 47]);
});
