// The steps of encryption and decryption that go element by element.
import { BYTES, less, minus, plus, times } from './residues.as';

/**
 * round(Q m / 2^32) + e mod q for words m [N] and errors e [N], |e| < 2^6: SEAL's placement of a plaintext.
 * `low` is Q mod 2^32, `i` 2^-32 mod q with its quotient. As 2^32 round(Q m / 2^32) = Q m + 2^31 - L, where L
 * = (Q m + 2^31) mod 2^32, and Q is 0 mod q, only 2^31 - L in (-2^31, 2^31] counts.
 */
export function place(m: usize, e: usize, out: usize, low: u32, prime: u32, i: u32, iq: u32): void {
  const q = i32x4.splat(prime), l = i32x4.splat(low), half = i32x4.splat(0x80000000);
  const w = i32x4.splat(i), wq = i32x4.splat(iq), zero = i32x4.splat(0);
  for (let at: usize = 0; at < BYTES; at += 16) {
    const L = i32x4.add(i32x4.mul(v128.load(m + at), l), half);
    const d = i32x4.sub(half, L);
    const negative = i32x4.gt_u(L, half);
    const r = times(v128.bitselect(i32x4.sub(zero, d), d, negative), w, wq, q);
    const placed = v128.bitselect(i32x4.sub(q, r), r, negative);
    v128.store(out + at, less(less(i32x4.add(i32x4.add(placed, q), v128.load(e + at)), q), q));
  }
}

/** floor(2^32 x / q) for residues x [N]. */
export function quotients(x: usize, out: usize, prime: u32): void {
  for (let i: usize = 0; i < BYTES; i += 4) {
    store<u32>(out + i, <u32>(((<u64>load<u32>(x + i)) << 32) / <u64>prime));
  }
}

/** out = x - a s mod q; s with its quotients. */
export function subtractProduct(x: usize, a: usize, s: usize, sq: usize, out: usize, prime: u32): void {
  const q = i32x4.splat(prime);
  for (let i: usize = 0; i < BYTES; i += 16) {
    const p = times(v128.load(a + i), v128.load(s + i), v128.load(sq + i), q);
    v128.store(out + i, minus(v128.load(x + i), p, q));
  }
}

/** out = a s mod q; s with its quotients. */
export function product(a: usize, s: usize, sq: usize, out: usize, prime: u32): void {
  const q = i32x4.splat(prime);
  for (let i: usize = 0; i < BYTES; i += 16) {
    v128.store(out + i, times(v128.load(a + i), v128.load(s + i), v128.load(sq + i), q));
  }
}

/** y += e c mod q for errors e [N], |e| < 2^6; c with its quotient. */
export function addError(y: usize, e: usize, prime: u32, c: u32, cq: u32): void {
  const q = i32x4.splat(prime), w = i32x4.splat(c), wq = i32x4.splat(cq);
  for (let i: usize = 0; i < BYTES; i += 16) {
    const x = v128.load(e + i);
    const lifted = i32x4.add(x, v128.and(i32x4.shr_s(x, 31), q));
    v128.store(y + i, plus(v128.load(y + i), times(lifted, w, wq, q), q));
  }
}
