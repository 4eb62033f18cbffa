// Kernels of transfers, in AssemblyScript with SIMD: columns of bits are made of the streams of trees and
// turned into rows. Pointers are byte offsets into the imported memory, whose layout the typed wrapper beside
// this file decides. The length of a column, in bytes, is a multiple of 16.

/** The first byte that the wrapper may use. */
export function heapBase(): usize {
  return __heap_base;
}

/**
 * Adds 2^low leaves of a tree of 2^depth, low being at most 4, to the tree's sums: column j, at columns + j *
 * bytes, takes the leaves whose number has bit j set; `total` takes all. The leaves lie one after the other
 * from `leaves` on; the first has number group * 2^low. Group 0 begins the sums: `total` with `start` (0: with
 * zeros), column j with `correction` where bit j of `masks` is set. Which is which shows in no time.
 */
export function addLeaves(
  leaves: usize, bytes: usize, low: i32, depth: i32, group: i32,
  columns: usize, correction: usize, masks: i32, total: usize, start: usize,
): void {
  const m0 = mask(masks, 0), m1 = mask(masks, 1), m2 = mask(masks, 2), m3 = mask(masks, 3);
  const begins = group == 0;
  for (let at: usize = 0; at < bytes; at += 16) {
    const fix = begins ? v128.load(correction + at) : i64x2.splat(0);
    let column = columns + at;
    let p = leaves + at;
    const a1 = v128.load(p + bytes);
    let s0 = v128.xor(v128.and(fix, m0), a1), s1 = v128.and(fix, m1), s2 = v128.and(fix, m2);
    let s3 = v128.and(fix, m3);
    let sum = v128.xor(v128.load(p), a1);
    if (low > 1) {
      p += 2 * bytes;
      const a2 = v128.load(p), a3 = v128.load(p + bytes);
      const b1 = v128.xor(a2, a3);
      s0 = v128.xor(s0, a3); s1 = v128.xor(s1, b1);
      sum = v128.xor(sum, b1);
    }
    if (low > 2) {
      p += 2 * bytes;
      const a4 = v128.load(p), a5 = v128.load(p + bytes); p += 2 * bytes;
      const a6 = v128.load(p), a7 = v128.load(p + bytes);
      const b3 = v128.xor(a6, a7), c1 = v128.xor(v128.xor(a4, a5), b3);
      s0 = v128.xor(s0, v128.xor(a5, a7)); s1 = v128.xor(s1, b3); s2 = v128.xor(s2, c1);
      sum = v128.xor(sum, c1);
    }
    if (low > 3) {
      p += 2 * bytes;
      const a8 = v128.load(p), a9 = v128.load(p + bytes); p += 2 * bytes;
      const aa = v128.load(p), ab = v128.load(p + bytes); p += 2 * bytes;
      const ac = v128.load(p), ad = v128.load(p + bytes); p += 2 * bytes;
      const ae = v128.load(p), af = v128.load(p + bytes);
      const b5 = v128.xor(aa, ab), b7 = v128.xor(ae, af);
      const c2 = v128.xor(v128.xor(a8, a9), b5), c3 = v128.xor(v128.xor(ac, ad), b7);
      const d1 = v128.xor(c2, c3);
      s0 = v128.xor(s0, v128.xor(v128.xor(a9, ab), v128.xor(ad, af)));
      s1 = v128.xor(s1, v128.xor(b5, b7)); s2 = v128.xor(s2, c3); s3 = v128.xor(s3, d1);
      sum = v128.xor(sum, d1);
    }
    put(column, s0, begins);
    if (low > 1) { column += bytes; put(column, s1, begins); }
    if (low > 2) { column += bytes; put(column, s2, begins); }
    if (low > 3) { column += bytes; put(column, s3, begins); }
    for (let j = 4; j < depth; j++) {
      column += bytes;
      const own = v128.xor(v128.and(fix, mask(masks, j)), v128.and(sum, mask(group, j - 4)));
      put(column, own, begins);
    }
    const before = begins ? (start == 0 ? i64x2.splat(0) : v128.load(start + at)) : v128.load(total + at);
    v128.store(total + at, v128.xor(before, sum));
  }
}

// @ts-ignore: decorator
@inline
function mask(bits: i32, j: i32): v128 {
  return i64x2.splat(-(<i64>((bits >> j) & 1)));
}

// @ts-ignore: decorator
@inline
function put(at: usize, value: v128, begins: bool): void {
  v128.store(at, begins ? value : v128.xor(v128.load(at), value));
}

/**
 * Turns 128 columns of `bytes` bytes, one after the other, into 8 * bytes rows of 16 bytes, and adds x^i
 * (low + 2^64 high) to row i, in GF(2^128) with x^128 = x^7 + x^2 + x + 1. A cache line of every column is
 * turned at a time.
 */
export function rows(columns: usize, bytes: usize, out: usize, low: u64, high: u64): void {
  for (let from: usize = 0; from < bytes; from += 64) {
    const to = from + 64 < bytes ? from + 64 : bytes;
    for (let group: usize = 0; group < 8; group++) {
      const first = columns + (group << 4) * bytes;
      for (let at = from; at < to; at += 16) block16(first + at, bytes, out + (at << 7) + (group << 1));
    }
    const end = out + (to << 7);
    for (let row = out + (from << 7); row < end; row += 16) {
      store<u64>(row, load<u64>(row) ^ low);
      store<u64>(row, load<u64>(row, 8) ^ high, 8);
      const carry = high >> 63;
      high = (high << 1) | (low >> 63);
      low = (low << 1) ^ (carry * 0x87);
    }
  }
}

// @ts-ignore: decorator
@inline
function rows8(v: v128, out: usize): void {
  // Bit 7 of each byte comes first and makes row 7 of the eight. v + v moves the next bit up.
  store<u16>(out, <u16>i8x16.bitmask(v), 112); v = i8x16.add(v, v);
  store<u16>(out, <u16>i8x16.bitmask(v), 96); v = i8x16.add(v, v);
  store<u16>(out, <u16>i8x16.bitmask(v), 80); v = i8x16.add(v, v);
  store<u16>(out, <u16>i8x16.bitmask(v), 64); v = i8x16.add(v, v);
  store<u16>(out, <u16>i8x16.bitmask(v), 48); v = i8x16.add(v, v);
  store<u16>(out, <u16>i8x16.bitmask(v), 32); v = i8x16.add(v, v);
  store<u16>(out, <u16>i8x16.bitmask(v), 16); v = i8x16.add(v, v);
  store<u16>(out, <u16>i8x16.bitmask(v));
}

// @ts-ignore: decorator
@inline
function lo8(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

// @ts-ignore: decorator
@inline
function hi8(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/**
 * 16 columns x 16 bytes: transposed byte by byte in four rounds of interleaving vectors i and i + 8; then
 * eight i8x16.bitmask per vector collect one bit of 16 columns each, two bytes of each row.
 */
function block16(src: usize, stride: usize, out: usize): void {
  let a0 = v128.load(src), a1 = v128.load(src + stride);
  let a2 = v128.load(src + 2 * stride), a3 = v128.load(src + 3 * stride);
  let a4 = v128.load(src + 4 * stride), a5 = v128.load(src + 5 * stride);
  let a6 = v128.load(src + 6 * stride), a7 = v128.load(src + 7 * stride);
  let a8 = v128.load(src + 8 * stride), a9 = v128.load(src + 9 * stride);
  let a10 = v128.load(src + 10 * stride), a11 = v128.load(src + 11 * stride);
  let a12 = v128.load(src + 12 * stride), a13 = v128.load(src + 13 * stride);
  let a14 = v128.load(src + 14 * stride), a15 = v128.load(src + 15 * stride);
  for (let round = 0; round < 4; round++) {
    const b0 = lo8(a0, a8), b1 = hi8(a0, a8), b2 = lo8(a1, a9), b3 = hi8(a1, a9);
    const b4 = lo8(a2, a10), b5 = hi8(a2, a10), b6 = lo8(a3, a11), b7 = hi8(a3, a11);
    const b8 = lo8(a4, a12), b9 = hi8(a4, a12), b10 = lo8(a5, a13), b11 = hi8(a5, a13);
    const b12 = lo8(a6, a14), b13 = hi8(a6, a14), b14 = lo8(a7, a15), b15 = hi8(a7, a15);
    a0 = b0; a1 = b1; a2 = b2; a3 = b3; a4 = b4; a5 = b5; a6 = b6; a7 = b7;
    a8 = b8; a9 = b9; a10 = b10; a11 = b11; a12 = b12; a13 = b13; a14 = b14; a15 = b15;
  }
  rows8(a0, out); rows8(a1, out + 128); rows8(a2, out + 256); rows8(a3, out + 384);
  rows8(a4, out + 512); rows8(a5, out + 640); rows8(a6, out + 768); rows8(a7, out + 896);
  rows8(a8, out + 1024); rows8(a9, out + 1152); rows8(a10, out + 1280); rows8(a11, out + 1408);
  rows8(a12, out + 1536); rows8(a13, out + 1664); rows8(a14, out + 1792); rows8(a15, out + 1920);
}

/** The windows of six bits of a weight's halves, the last one of four, and the bytes of a window's 64 vectors. */
const windowsOfHalf: usize = 11;
const windowBytes: usize = 1024;

/** Bytes of the vectors of all windows: with rows and weights they stay in a cache of the first level. */
export function bucketBytes(): usize {
  return 2 * windowsOfHalf * windowBytes;
}

/**
 * The weights of GHASH (SP 800-38D) for `count` blocks, one after the other: H^(count + 1 - i) for block i
 * from 0 on. Elements are bit-reflected as GCM has it: the first bit of the first byte is the coefficient of
 * x^0. H is public here, as the weights are: addresses depend on it. `multiples`: 2,048 bytes, `buckets`:
 * `bucketBytes`, both overwritten.
 */
export function weights(h: usize, count: usize, multiples: usize, buckets: usize, out: usize): void {
  let high = bswap<u64>(load<u64>(h)), low = bswap<u64>(load<u64>(h, 8));
  for (let i: usize = 0; i < 128; i++) {
    store<u64>(multiples + (i << 4), bswap<u64>(high));
    store<u64>(multiples + (i << 4), bswap<u64>(low), 8);
    const carry: u64 = low & 1;
    low = (low >> 1) | (high << 63);
    high = (high >> 1) ^ (carry * 0xe100000000000000);
  }
  for (let window: usize = 0; window < 2 * windowsOfHalf; window++) {
    const to = buckets + window * windowBytes, first = firstOf(window);
    v128.store(to, i64x2.splat(0));
    for (let value: usize = 1; value < <usize>1 << widthOf(window); value++) {
      const rest = v128.load(to + ((value & (value - 1)) << 4));
      v128.store(to + (value << 4), v128.xor(rest, v128.load(multiples + ((first + ctz(value)) ^ 7) * 16)));
    }
  }
  let power = v128.load(h);
  for (let at = count << 4; at > 0; at -= 16) {
    power = v128.xor(
      multiplyHalf(i64x2.extract_lane(power, 0), buckets),
      multiplyHalf(i64x2.extract_lane(power, 1), buckets + windowsOfHalf * windowBytes),
    );
    v128.store(out + at - 16, power);
  }
}

/** The number of a window's lowest bit. Bit t of a weight is the coefficient of x^(t ^ 7). */
// @ts-ignore: decorator
@inline
function firstOf(window: usize): usize {
  return window < windowsOfHalf ? 6 * window : 64 + 6 * (window - windowsOfHalf);
}

// @ts-ignore: decorator
@inline
function widthOf(window: usize): usize {
  return window % windowsOfHalf == windowsOfHalf - 1 ? 4 : 6;
}

/** The address of the vector that a half of a weight names in a window. */
// @ts-ignore: decorator
@inline
function inWindow(half: u64, window: usize, windows: usize): usize {
  const value = window == 0 ? half << 4 : half >> (6 * window - 4);
  return windows + window * windowBytes + <usize>(value & 0x3f0);
}

// @ts-ignore: decorator
@inline
function multiplyHalf(half: u64, table: usize): v128 {
  const a = v128.xor(v128.load(inWindow(half, 0, table)), v128.load(inWindow(half, 1, table)));
  const b = v128.xor(v128.load(inWindow(half, 2, table)), v128.load(inWindow(half, 3, table)));
  const c = v128.xor(v128.load(inWindow(half, 4, table)), v128.load(inWindow(half, 5, table)));
  const d = v128.xor(v128.load(inWindow(half, 6, table)), v128.load(inWindow(half, 7, table)));
  const e = v128.xor(v128.load(inWindow(half, 8, table)), v128.load(inWindow(half, 9, table)));
  const f = v128.load(inWindow(half, 10, table));
  return v128.xor(v128.xor(v128.xor(a, b), v128.xor(c, d)), v128.xor(e, f));
}

/**
 * For each of `count` runs of `bytes` bytes the sum of its blocks times their weights, to `out`, 16 bytes
 * each. Of each window of the weight a block is added to the vector that the weight names (Pippenger's
 * buckets, as for sums of multiples of points), so that the products are a few for a run. Addresses depend on
 * weights alone: which values blocks have shows in no time. `multiples`: 2,048 bytes, `buckets`:
 * `bucketBytes`, both overwritten.
 */
export function ghash(
  runs: usize, bytes: usize, count: usize, ofBlocks: usize, multiples: usize, buckets: usize, out: usize,
): void {
  for (let run: usize = 0; run < count; run++, runs += bytes) {
    memory.fill(buckets, 0, bucketBytes());
    for (let at: usize = 0; at < bytes; at += 16) {
      const block = v128.load(runs + at);
      addHalf(load<u64>(ofBlocks + at), buckets, block);
      addHalf(load<u64>(ofBlocks + at, 8), buckets + windowsOfHalf * windowBytes, block);
    }
    for (let window: usize = 0; window < 2 * windowsOfHalf; window++) {
      sumsOfBits(buckets + window * windowBytes, firstOf(window), widthOf(window), multiples);
    }
    sumUp(multiples, out + (run << 4));
  }
}

// @ts-ignore: decorator
@inline
function addHalf(half: u64, buckets: usize, block: v128): void {
  add(inWindow(half, 0, buckets), block);
  add(inWindow(half, 1, buckets), block);
  add(inWindow(half, 2, buckets), block);
  add(inWindow(half, 3, buckets), block);
  add(inWindow(half, 4, buckets), block);
  add(inWindow(half, 5, buckets), block);
  add(inWindow(half, 6, buckets), block);
  add(inWindow(half, 7, buckets), block);
  add(inWindow(half, 8, buckets), block);
  add(inWindow(half, 9, buckets), block);
  add(inWindow(half, 10, buckets), block);
}

// @ts-ignore: decorator
@inline
function add(to: usize, block: v128): void {
  v128.store(to, v128.xor(v128.load(to), block));
}

/** Of each bit of a window, from the highest down, the sum of the vectors whose number has it. */
function sumsOfBits(window: usize, first: usize, width: usize, out: usize): void {
  for (let bit = width; bit > 0; bit--) {
    let sum = i64x2.splat(0);
    const half = <usize>16 << (bit - 1);
    for (let at = window; at < window + half; at += 16) {
      const upper = v128.load(at + half);
      sum = v128.xor(sum, upper);
      v128.store(at, v128.xor(v128.load(at), upper));
    }
    v128.store(out + ((first + bit - 1) ^ 7) * 16, sum);
  }
}

/** The sum of x^i times vector i of 128. */
function sumUp(vectors: usize, out: usize): void {
  let high: u64 = 0, low: u64 = 0;
  for (let at = vectors + 2032; at >= vectors; at -= 16) {
    const carry = low & 1;
    low = ((low >> 1) | (high << 63)) ^ bswap<u64>(load<u64>(at, 8));
    high = (high >> 1) ^ (carry * 0xe100000000000000) ^ bswap<u64>(load<u64>(at));
  }
  store<u64>(out, bswap<u64>(high));
  store<u64>(out, bswap<u64>(low), 8);
}
