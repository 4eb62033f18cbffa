/** a^-1 modulo a prime, by Fermat's little theorem. */
export function inverse(a: bigint, modulus: bigint): bigint {
  let result = 1n;
  let base = ((a % modulus) + modulus) % modulus;
  for (let exponent = modulus - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % modulus;
    base = (base * base) % modulus;
  }
  return result;
}
