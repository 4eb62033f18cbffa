// Residues in as many bits as they have, for the wire.
import { BYTES, less } from './residues.as';

/**
 * Residues [N] in 31 N / 8 bytes: of every 32 vectors the last one goes, bit by bit, on top of the others.
 */
export function pack31(x: usize, out: usize): void {
  for (let i: usize = 0; i < BYTES; i += 512) {
    let last = v128.load(x + i, 496);
    for (let k: usize = 0; k < 496; k += 16) {
      v128.store(out, v128.or(v128.load(x + i + k), i32x4.shl(last, 31)));
      last = i32x4.shr_u(last, 1);
      out += 16;
    }
  }
}

/** The reverse; false where a residue is not below q. */
export function unpack31(bytes: usize, x: usize, prime: u32): bool {
  const q = i32x4.splat(prime), mask = i32x4.splat(0x7fffffff);
  let bad = i32x4.splat(0);
  for (let i: usize = 0; i < BYTES; i += 512) {
    let last = i32x4.splat(0);
    for (let k: usize = 0; k < 496; k += 16) {
      const word = v128.load(bytes + 480 - k);
      last = v128.or(i32x4.shl(last, 1), i32x4.shr_u(word, 31));
      const r = v128.and(word, mask);
      bad = v128.or(bad, i32x4.ge_u(r, q));
      v128.store(x + i + 480 - k, r);
    }
    bad = v128.or(bad, i32x4.ge_u(last, q));
    v128.store(x + i, last, 496);
    bytes += 496;
  }
  return !v128.any_true(bad);
}

/** The wire's planes of 40 bits to residues below 2q: low + 2^32 high mod q, fold = 2^32 mod q. */
export function residuesOf40(planes: usize, out: usize, prime: u32, fold: u32): void {
  const q = i32x4.splat(prime), q2 = i32x4.splat(prime << 1), f = i32x4.splat(fold);
  const high = planes + BYTES;
  for (let i: usize = 0; i < BYTES; i += 16) {
    const h = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(high + (i >> 2))));
    const low = less(less(v128.load(planes + i), q2), q);
    // The product is below 2^30.
    v128.store(out + i, i32x4.add(low, i32x4.mul(h, f)));
  }
}
