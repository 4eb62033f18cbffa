import { expect, test } from 'vitest';
import { createMultiplier, inverse, multiply, uniformResidues } from '../../../crypto/he/modular.ts';
import { seededRng } from '../../helpers/rng.ts';

const prime = 4503599626321921; // 52 bits, 1 mod 16384

test('products modulo a 52-bit prime equal those of bigint', () => {
  const rng = seededRng('modular');
  const constants = uniformResidues(rng, 20, prime);
  const values = [0, 1, prime - 1, ...uniformResidues(rng, 200, prime)];
  for (const constant of [prime - 1, 1, ...constants]) {
    const multiplier = createMultiplier(BigInt(constant), prime);
    for (const value of values) {
      expect(BigInt(multiply(multiplier, value))).toBe((BigInt(constant) * BigInt(value)) % BigInt(prime));
    }
  }
});

test('an inverse times its number is one', () => {
  for (const a of [1n, 2n, 12345678901n]) expect((a * inverse(a, BigInt(prime))) % BigInt(prime)).toBe(1n);
});

test('uniform residues stay below the modulus and fill its range', () => {
  const small = 2 ** 51 + 1;
  const values = uniformResidues(seededRng('uniform'), 4000, small);
  expect(Math.max(...values)).toBeLessThan(small);
  // Mean of 4,000 uniforms: deviation 0.0046 of the range.
  expect(Math.abs(values.reduce((sum, value) => sum + value / small, 0) / 4000 - 0.5)).toBeLessThan(0.025);
});
