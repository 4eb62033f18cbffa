import { expect, test } from 'vitest';
import { checkParams, linearParams, productParams } from '../../crypto/params.ts';
import { PlanError } from '../../src/shared/errors.ts';

test('parameters below 128 bits of security are refused', () => {
  expect(() => checkParams({ ...linearParams, primeBits: [47, 47], specialBits: 16 })).toThrow(
    /expected at most 109 bits of modulus .*, got 110/,
  );
  expect(() => checkParams({ ...productParams, degree: 4096 })).toThrow(PlanError);
  expect(() => checkParams({ ...linearParams, degree: 5000 })).toThrow(
    /expected a degree of 1024, .*, got 5000/,
  );
});

test('parameters that contradict each other are refused', () => {
  const keeping = (kept: number) => ({ kind: 'switched', kept }) as const;
  const rounded = (bits: number) => ({ kind: 'rounded', bits }) as const;
  expect(() => checkParams({ ...productParams, response: keeping(4) })).toThrow(
    /expected a response of fewer bits than the modulus, 160, got 160/,
  );
  expect(() => checkParams({ ...productParams, response: keeping(0) })).toThrow(/got 0/);
  expect(() => checkParams({ ...productParams, response: keeping(2) })).toThrow(
    /expected 59 bits between a response's modulus and the plaintext modulus, got 23/,
  );
  expect(() => checkParams({ ...linearParams, response: rounded(93) })).toThrow(/got 93/);
  expect(() => checkParams({ ...linearParams, response: rounded(39) })).toThrow(
    /expected 8 bits between a response's modulus and the plaintext modulus, got 7/,
  );
  expect(() => checkParams({ ...linearParams, primeBits: [49, 44] })).toThrow(/16 to 48 bits/);
  expect(checkParams({ ...linearParams, primeBits: [46, 47] }).primeBits).toEqual([46, 47]);
});
