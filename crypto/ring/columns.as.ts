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

/**
 * GHASH of SP 800-38D without its length: for each of `count` runs of `bytes` bytes the sum of block i times
 * H^(blocks + 2 - i), to `out`, 16 bytes each. `table`: 2,048 bytes that hold H x^i for i from 0 to 127
 * afterwards, bit-reflected as GCM has it: the first bit of the first byte is the coefficient of x^0. Every
 * block takes all 128 multiples under a mask, so time tells no bit.
 */
export function ghash(runs: usize, bytes: usize, count: usize, h: usize, table: usize, out: usize): void {
  let high = bswap<u64>(load<u64>(h)), low = bswap<u64>(load<u64>(h, 8));
  for (let i: usize = 0; i < 128; i++) {
    store<u64>(table + (i << 4), bswap<u64>(high));
    store<u64>(table + (i << 4), bswap<u64>(low), 8);
    const carry: u64 = low & 1;
    low = (low >> 1) | (high << 63);
    high = (high >> 1) ^ (carry * 0xe100000000000000);
  }
  for (let run: usize = 0; run < count; run++) {
    let sum = i64x2.splat(0);
    const start = runs + run * bytes;
    for (let at: usize = 0; at < bytes; at += 16) sum = multiply(v128.xor(sum, v128.load(start + at)), table);
    v128.store(out + (run << 4), multiply(sum, table));
  }
}

// @ts-ignore: decorator
@inline
function multiply(x: v128, table: usize): v128 {
  return v128.xor(
    multiplyHalf(bswap<u64>(i64x2.extract_lane(x, 0)), table),
    multiplyHalf(bswap<u64>(i64x2.extract_lane(x, 1)), table + 1024),
  );
}

// @ts-ignore: decorator
@inline
function multiplyHalf(bits: u64, table: usize): v128 {
  let sum = i64x2.splat(0);
  const end = table + 1024;
  for (; table < end; table += 16) {
    sum = v128.xor(sum, v128.and(v128.load(table), i64x2.splat(<i64>bits >> 63)));
    bits <<= 1;
  }
  return sum;
}
