import { expect, test } from 'vitest';
import { inverse } from '../../../crypto/he/modular.ts';

test('an inverse times its number is one', () => {
  const prime = 4503599626321921n;
  for (const a of [1n, 2n, 12345678901n]) expect((a * inverse(a, prime)) % prime).toBe(1n);
});
