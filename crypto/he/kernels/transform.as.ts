// The number-theoretic transform of SEAL 4.1: same root, same order.
import { BYTES, N, minus, plus, times } from './residues.as';

/*
 * Between two passes residues are lazy. A butterfly reduces what it adds to and what it adds, once each,
 * and leaves x + y of [0, 2q), a u32, and x - y of (-q, q), an i32: two residues below 2^31 fill 32 bits.
 * Sums make up the blocks of even number, differences those of odd number, so it is known which is which.
 * Four butterflies take 66 instructions; reducing their results took 72.
 */

/** A lazy residue to one of [0, q). */
// @ts-ignore: decorator
@inline
function reduced(x: v128, q: v128, signed: bool): v128 {
  return i32x4.min_u(x, signed ? i32x4.add(x, q) : i32x4.sub(x, q));
}

/** A lazy residue to a u32 below 2q, which may be multiplied. */
// @ts-ignore: decorator
@inline
function positive(x: v128, q: v128, signed: bool): v128 {
  return signed ? i32x4.add(x, q) : x;
}

/** Two stages of one block of four `gap`, whose first root is at table + at. */
// @ts-ignore: decorator
@inline
function block(base: usize, gap: usize, table: usize, at: usize, q: v128, signed: bool): void {
  const tq = table + BYTES, at2 = at << 1;
  const w1 = v128.load32_splat(table + at), s1 = v128.load32_splat(tq + at);
  const w2 = v128.load32_splat(table + at2), s2 = v128.load32_splat(tq + at2);
  const w3 = v128.load32_splat(table + at2, 4), s3 = v128.load32_splat(tq + at2, 4);
  const end = base + gap;
  for (let p = base; p < end; p += 16) {
    const p1 = p + gap, p2 = p1 + gap, p3 = p2 + gap;
    const x0 = reduced(v128.load(p), q, signed), x1 = reduced(v128.load(p1), q, signed);
    let y = times(positive(v128.load(p2), q, signed), w1, s1, q);
    const z = times(positive(v128.load(p3), q, signed), w1, s1, q);
    const a = reduced(i32x4.add(x0, y), q, false), b = reduced(i32x4.sub(x0, y), q, true);
    y = times(i32x4.add(x1, z), w2, s2, q);
    v128.store(p, i32x4.add(a, y));
    v128.store(p1, i32x4.sub(a, y));
    y = times(i32x4.sub(i32x4.add(x1, q), z), w3, s3, q);
    v128.store(p2, i32x4.add(b, y));
    v128.store(p3, i32x4.sub(b, y));
  }
}

/** The passes after the first one and before the last one. */
function passes(a: usize, table: usize, prime: u32): void {
  const q = i32x4.splat(prime);
  let m: usize = 4;
  for (let gap: usize = BYTES >> 4; gap >= 16; gap >>= 2) {
    let base = a;
    const end = m << 3;
    for (let at = m << 2; at < end; at += 8) {
      block(base, gap, table, at, q, false);
      base += gap << 2;
      block(base, gap, table, at + 4, q, true);
      base += gap << 2;
    }
    m <<= 2;
  }
}

/** Gaps of two words and of one, eight words at a time. Results are of [0, q), less `shift` if `shifted`. */
// @ts-ignore: decorator
@inline
function lastPass(a: usize, table: usize, prime: u32, shifted: bool, shift: v128): void {
  const q = i32x4.splat(prime);
  let t2 = table + N, t1 = table + 2 * N;
  const end = a + BYTES;
  for (let p = a; p < end; p += 32) {
    const v0 = v128.load(p), v1 = i32x4.add(v128.load(p, 16), q);
    let x = reduced(v128.shuffle<u64>(v0, v1, 0, 2), q, false);
    let y = v128.shuffle<u64>(v0, v1, 1, 3);
    const w = v128.load64_zero(t2), s = v128.load64_zero(t2 + BYTES);
    y = times(y, v128.shuffle<u32>(w, w, 0, 0, 1, 1), v128.shuffle<u32>(s, s, 0, 0, 1, 1), q);
    const e = i32x4.add(x, y), f = i32x4.sub(i32x4.add(x, q), y);
    x = reduced(v128.shuffle<u32>(e, i64x2.shl(f, 32), 0, 5, 2, 7), q, false);
    y = v128.shuffle<u32>(i64x2.shr_u(e, 32), f, 0, 5, 2, 7);
    y = times(y, v128.load(t1), v128.load(t1 + BYTES), q);
    let g = plus(x, y, q), h = minus(x, y, q);
    if (shifted) {
      g = i32x4.sub(g, shift);
      h = i32x4.sub(h, shift);
    }
    v128.store(p, v128.shuffle<u32>(g, h, 0, 4, 1, 5));
    v128.store(p, v128.shuffle<u32>(g, h, 2, 6, 3, 7), 16);
    t2 += 8; t1 += 16;
  }
}

/**
 * Forward transform in place, order of SEAL, two stages a pass, of residues below 2q to those below q. `table`
 * of 4N words: w[N], floor(2^32 w / q)[N] forward, then the same of the inverses, w[m + i] as in SEAL.
 */
export function ntt(a: usize, table: usize, prime: u32): void {
  const q = i32x4.splat(prime);
  block(a, BYTES >> 2, table, 4, q, false);
  passes(a, table, prime);
  lastPass(a, table, prime, false, q);
}

/**
 * Forward transform of small signed words v [N], |v| < 2^14, to centred residues at `a`.
 *
 * The first pass adds w2 v_1 + w3 v_3 to v_0 + w1 v_2, and w3 v_1 + w2 v_3 to v_0 - w1 v_2, since w1 w2 = w3
 * and w1 w3 = -w2. The upper 16 bits of a root's quotient suffice for words as small, and one instruction
 * takes two of them: with what that leaves out, and rounded, a sum of two products lies within
 * (1/2 + 2 (2^14 - 1) / 2^16) q of zero.
 *
 * To make the results centred takes one subtraction of (q - 1) / 2 in the last pass, because the first
 * coefficient has been raised by as much, and with it each result.
 */
export function nttSmall(v: usize, a: usize, table: usize, prime: u32): void {
  const q = i32x4.splat(prime), shift = i32x4.splat(prime >> 1);
  smallPass(v, a, table, prime);
  raise(a, q, shift, false);
  raise(a + (BYTES >> 2), q, shift, true);
  raise(a + (BYTES >> 1), q, shift, false);
  raise(a + 3 * (BYTES >> 2), q, shift, true);
  passes(a, table, prime);
  lastPass(a, table, prime, true, shift);
}

// @ts-ignore: decorator
@inline
function smallPass(v: usize, a: usize, table: usize, prime: u32): void {
  const gap = BYTES >> 2;
  const h1 = topHalf(table, 1), h2 = topHalf(table, 2), h3 = topHalf(table, 3);
  const w1 = i32x4.splat(centredRoot(table, 1, prime)), q = i32x4.splat(prime);
  const w2 = i32x4.splat(centredRoot(table, 2, prime)), w3 = i32x4.splat(centredRoot(table, 3, prime));
  const u1 = i32x4.splat(h1), halves = i32x4.splat(h2 | h3 << 16), swapped = i32x4.splat(h3 | h2 << 16);
  // 2^15, from q: as a constant it would be made anew for each use, in three instructions.
  const half = i32x4.splat(prime >> 30 << 15);
  const end = a + gap;
  for (let p = a; p < end; p += 16) {
    const v0 = v128.load(v), v1 = v128.load(v + gap);
    const v2 = v128.load(v + 2 * gap), v3 = v128.load(v + 3 * gap);
    const pair = v128.shuffle<u16>(v1, i32x4.shl(v3, 16), 0, 9, 2, 11, 4, 13, 6, 15);
    let t = i32x4.sub(i32x4.mul(v2, w1), i32x4.mul(smallQuotient(v2, u1, half), q));
    const x = reduced(i32x4.add(v0, t), q, true), y = reduced(i32x4.sub(v0, t), q, true);
    t = i32x4.add(i32x4.mul(v1, w2), i32x4.mul(v3, w3));
    t = reduced(i32x4.sub(t, i32x4.mul(smallQuotient(pair, halves, half), q)), q, true);
    v128.store(p, i32x4.add(x, t));
    v128.store(p, i32x4.sub(x, t), gap);
    t = i32x4.add(i32x4.mul(v1, w3), i32x4.mul(v3, w2));
    t = reduced(i32x4.sub(t, i32x4.mul(smallQuotient(pair, swapped, half), q)), q, true);
    v128.store(p, i32x4.add(y, t), 2 * gap);
    v128.store(p, i32x4.sub(y, t), 3 * gap);
    v += 16;
  }
}

/** Pairs of words times pairs of upper halves, / 2^16, rounded. */
// @ts-ignore: decorator
@inline
function smallQuotient(pair: v128, halves: v128, half: v128): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(pair, halves), half), 16);
}

/** Root i as the residue next to zero. */
function centredRoot(table: usize, i: usize, prime: u32): i32 {
  const w = load<u32>(table + (i << 2));
  return <i32>(w > prime >> 1 ? w - prime : w);
}

/** The upper 16 bits of the quotient of root i: as a signed number, those of the centred root. */
function topHalf(table: usize, i: usize): i32 {
  return <i32>(load<u32>(table + (i << 2) + BYTES) >> 16);
}

/** Adds `shift`, below q, to the lazy residue at p. */
// @ts-ignore: decorator
@inline
function raise(p: usize, q: v128, shift: v128, signed: bool): void {
  const x = i32x4.add(reduced(v128.load32_zero(p), q, signed), shift);
  v128.store32_lane(p, signed ? i32x4.sub(x, q) : x, 0);
}

/** Residues to centred ones, in place. */
export function centre(a: usize, prime: u32): void {
  const q = i32x4.splat(prime), half = i32x4.splat(prime >> 1);
  const end = a + BYTES;
  for (let p = a; p < end; p += 16) {
    const x = v128.load(p);
    v128.store(p, i32x4.sub(x, v128.and(i32x4.gt_s(x, half), q)));
  }
}
