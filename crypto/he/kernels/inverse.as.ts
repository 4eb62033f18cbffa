// The inverse of the transform in transform.as.ts.
import { BYTES, N, plus, times } from './residues.as';

/** x - y of residues below q, as a u32 below 2q. */
// @ts-ignore: decorator
@inline
function apart(x: v128, y: v128, q: v128): v128 {
  return i32x4.sub(i32x4.add(x, q), y);
}

/**
 * Inverse transform in place of residues below q, times `scale`, which holds 1 / N. `table` is that of the
 * forward transform.
 */
export function intt(a: usize, table: usize, prime: u32, scale: u32, scaleQ: u32): void {
  const q = i32x4.splat(prime);
  const inverse = table + 2 * BYTES;
  firstPass(a, inverse, q);
  let m: usize = N >> 4;
  for (let gap: usize = 16; gap < BYTES >> 2; gap <<= 2) {
    let base = a;
    const end = m << 3;
    for (let at = m << 2; at < end; at += 4) {
      block(base, gap, inverse, at, q);
      base += gap << 2;
    }
    m >>= 2;
  }
  scaledPass(a, inverse, prime, scale, scaleQ);
}

/** Gaps of one word and of two, eight words at a time. */
// @ts-ignore: decorator
@inline
function firstPass(a: usize, inverse: usize, q: v128): void {
  let t2 = inverse + N, t1 = inverse + 2 * N;
  const end = a + BYTES;
  for (let p = a; p < end; p += 32) {
    const v0 = v128.load(p), v1 = v128.load(p, 16);
    let x = v128.shuffle<u32>(v0, v1, 0, 2, 4, 6), y = v128.shuffle<u32>(v0, v1, 1, 3, 5, 7);
    const e = plus(x, y, q);
    const f = times(apart(x, y, q), v128.load(t1), v128.load(t1 + BYTES), q);
    // e = a0 a2 b0 b2, f = a1 a3 b1 b3
    x = v128.shuffle<u32>(e, i64x2.shl(f, 32), 0, 5, 2, 7);
    y = v128.shuffle<u32>(i64x2.shr_u(e, 32), f, 0, 5, 2, 7);
    const w = v128.load64_zero(t2), s = v128.load64_zero(t2 + BYTES);
    const w2 = v128.shuffle<u32>(w, w, 0, 0, 1, 1), s2 = v128.shuffle<u32>(s, s, 0, 0, 1, 1);
    const g = plus(x, y, q), h = times(apart(x, y, q), w2, s2, q);
    v128.store(p, v128.shuffle<u64>(g, h, 0, 2));
    v128.store(p, v128.shuffle<u64>(g, h, 1, 3), 16);
    t2 += 8; t1 += 16;
  }
}

/** Two stages of one block of four `gap`, whose last root is at inverse + at. */
// @ts-ignore: decorator
@inline
function block(base: usize, gap: usize, inverse: usize, at: usize, q: v128): void {
  const iq = inverse + BYTES, at2 = at << 1;
  const w1 = v128.load32_splat(inverse + at), s1 = v128.load32_splat(iq + at);
  const w2 = v128.load32_splat(inverse + at2), s2 = v128.load32_splat(iq + at2);
  const w3 = v128.load32_splat(inverse + at2, 4), s3 = v128.load32_splat(iq + at2, 4);
  const end = base + gap;
  for (let p = base; p < end; p += 16) {
    const p1 = p + gap, p2 = p1 + gap, p3 = p2 + gap;
    const x0 = v128.load(p), x1 = v128.load(p1), x2 = v128.load(p2), x3 = v128.load(p3);
    const y0 = plus(x0, x1, q), y2 = plus(x2, x3, q);
    const y1 = times(apart(x0, x1, q), w2, s2, q), y3 = times(apart(x2, x3, q), w3, s3, q);
    v128.store(p, plus(y0, y2, q));
    v128.store(p1, plus(y1, y3, q));
    v128.store(p2, times(apart(y0, y2, q), w1, s1, q));
    v128.store(p3, times(apart(y1, y3, q), w1, s1, q));
  }
}

/**
 * The last two stages, and the factor. What goes on to a product with a root meets the factor there: five
 * products in place of eight.
 */
function scaledPass(a: usize, inverse: usize, prime: u32, scale: u32, scaleQ: u32): void {
  const gap = BYTES >> 2, q = i32x4.splat(prime);
  const w1 = v128.load32_splat(inverse, 4), s1 = v128.load32_splat(inverse + BYTES, 4);
  const c = i32x4.splat(scale), cq = i32x4.splat(scaleQ);
  const f1 = scaled(inverse, 1, scale, prime), f2 = scaled(inverse, 2, scale, prime);
  const f3 = scaled(inverse, 3, scale, prime);
  const c1 = i32x4.splat(f1), q1 = i32x4.splat(quotient(f1, prime));
  const c2 = i32x4.splat(f2), q2 = i32x4.splat(quotient(f2, prime));
  const c3 = i32x4.splat(f3), q3 = i32x4.splat(quotient(f3, prime));
  const end = a + gap;
  for (let p = a; p < end; p += 16) {
    const p1 = p + gap, p2 = p1 + gap, p3 = p2 + gap;
    const x0 = v128.load(p), x1 = v128.load(p1), x2 = v128.load(p2), x3 = v128.load(p3);
    const y0 = plus(x0, x1, q), y2 = plus(x2, x3, q);
    v128.store(p, times(i32x4.add(y0, y2), c, cq, q));
    v128.store(p2, times(apart(y0, y2, q), c1, q1, q));
    const y1 = times(apart(x0, x1, q), c2, q2, q), y3 = times(apart(x2, x3, q), c3, q3, q);
    v128.store(p1, plus(y1, y3, q));
    v128.store(p3, times(apart(y1, y3, q), w1, s1, q));
  }
}

/** Root number i times the factor. */
function scaled(inverse: usize, i: usize, scale: u32, prime: u32): u32 {
  return <u32>((<u64>load<u32>(inverse + (i << 2)) * <u64>scale) % <u64>prime);
}

/** floor(2^32 w / q). */
function quotient(w: u32, prime: u32): u32 {
  return <u32>(((<u64>w) << 32) / <u64>prime);
}
