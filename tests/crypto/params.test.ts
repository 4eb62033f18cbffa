import { expect, test } from 'vitest';
import { checkParams, linearParams, productParams } from '../../crypto/params.ts';
import { PlanError } from '../../src/shared/errors.ts';

test('what falls below 128 bits of security is refused', () => {
  expect(() => checkParams({ ...linearParams, primeBits: [47, 47] })).toThrow(
    /110 bits of modulus, at most 109/,
  );
  expect(() => checkParams({ ...productParams, degree: 4096 })).toThrow(PlanError);
  expect(() => checkParams({ ...linearParams, degree: 5000 })).toThrow(/not in the security table/);
});

test('parameters that do not fit together are refused', () => {
  expect(() => checkParams({ ...linearParams, kept: 2 })).toThrow(/keeps 2 of 2 primes/);
  expect(() => checkParams({ ...linearParams, primeBits: [44, 46] })).toThrow(/12 bits between/);
  expect(() => checkParams({ ...linearParams, primeBits: [49, 44] })).toThrow(/16 to 48 bits/);
  expect(checkParams({ ...linearParams, primeBits: [46, 47] }).primeBits).toEqual([46, 47]);
});
