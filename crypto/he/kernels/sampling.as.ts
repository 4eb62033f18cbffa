// Polynomials of errors, of secrets and of uniform residues from random words.
import { BYTES } from './residues.as';

/** Signed words of absolute value below q, [N], to residues. */
export function lift(v: usize, out: usize, prime: u32): void {
  const q = i32x4.splat(prime);
  for (let i: usize = 0; i < BYTES; i += 16) {
    const x = v128.load(v + i);
    v128.store(out + i, i32x4.add(x, v128.and(i32x4.shr_s(x, 31), q)));
  }
}

/** Centred binomial of 21 pairs of bits, SEAL's: N signed words from 2N random words, 21 bits of each. */
export function binomial(random: usize, out: usize): void {
  const mask = i32x4.splat(0x1fffff);
  for (let i: usize = 0; i < BYTES; i += 16) {
    const a = popcount(v128.and(v128.load(random + i), mask));
    const b = popcount(v128.and(v128.load(random + BYTES + i), mask));
    v128.store(out + i, i32x4.sub(a, b));
  }
}

// @ts-ignore: decorator
@inline
function popcount(x: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(i8x16.popcnt(x)));
}

/**
 * N words of -1, 0 and 1 from bytes below 243, five digits to the base 3 each. Returns the bytes read, 0
 * where `length` did not suffice.
 */
export function ternary(random: usize, length: i32, out: usize): i32 {
  let from: i32 = 0;
  const end = out + BYTES;
  while (out < end) {
    if (from == length) return 0;
    let byte = <u32>load<u8>(random + <usize>from);
    from++;
    if (byte >= 243) continue;
    for (let k = 0; k < 5 && out < end; k++) {
      const next = (byte * 171) >> 9;
      store<i32>(out, <i32>(byte - 3 * next) - 1);
      byte = next;
      out += 4;
    }
  }
  return from;
}

/**
 * N uniform residues from the low 31 bits of words, those of q or more left out. Returns the words read, 0
 * where `length` did not suffice.
 */
export function uniform(random: usize, length: i32, out: usize, prime: u32): i32 {
  const q = i32x4.splat(prime), mask = i32x4.splat(0x7fffffff);
  const end = out + BYTES;
  let from = random;
  const stop = random + ((<usize>length) << 2);
  while (out < end) {
    if (from + 16 <= stop && out + 16 <= end) {
      const x = v128.and(v128.load(from), mask);
      if (!v128.any_true(i32x4.ge_u(x, q))) {
        v128.store(out, x);
        out += 16;
        from += 16;
        continue;
      }
    }
    if (from == stop) return 0;
    const x = load<u32>(from) & 0x7fffffff;
    from += 4;
    if (x < prime) {
      store<u32>(out, x);
      out += 4;
    }
  }
  return <i32>((from - random) >> 2);
}
