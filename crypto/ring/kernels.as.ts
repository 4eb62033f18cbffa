// Kernels over Z_{2^32} and GF(2), in AssemblyScript with SIMD. Pointers are byte offsets into the imported
// memory, whose layout the typed wrapper beside this file decides. i32x4.mul and i32x4.add wrap, which makes
// them the ring.

/** The first byte that the wrapper may use. */
export function heapBase(): usize {
  return __heap_base;
}

/**
 * C[m, p] = bias[m] + sum_k A[m, k] X[offsets[k] + p], with A [M, K] and C [M, P] row-major and P a multiple
 * of 16. Row k of the right-hand matrix starts at word offsets[k] of X, so the rows of a convolution are
 * windows of the padded image and no im2col matrix is written. The register tile is 4 x 16. It reads up to 15
 * words past the last column.
 */
export function gemm(
  A: usize, offsets: usize, X: usize, bias: usize, C: usize, M: i32, K: i32, P: i32,
): void {
  const full = M & ~3;
  for (let p = 0; p < P; p += 16) {
    const x = X + ((<usize>p) << 2);
    for (let m = 0; m < full; m += 4) tile4(A, offsets, x, bias, C + ((<usize>p) << 2), m, K, P);
    for (let m = full; m < M; m++) tile1(A, offsets, x, bias, C + ((<usize>p) << 2), m, K, P);
  }
}

// @ts-ignore: decorator
@inline
function tile4(A: usize, offsets: usize, x: usize, bias: usize, C: usize, m: i32, K: i32, P: i32): void {
  const stride = (<usize>K) << 2;
  let a0 = A + <usize>m * stride;
  const h = bias + ((<usize>m) << 2);
  let c00 = v128.load32_splat(h), c01 = c00, c02 = c00, c03 = c00;
  let c10 = v128.load32_splat(h, 4), c11 = c10, c12 = c10, c13 = c10;
  let c20 = v128.load32_splat(h, 8), c21 = c20, c22 = c20, c23 = c20;
  let c30 = v128.load32_splat(h, 12), c31 = c30, c32 = c30, c33 = c30;
  let a1 = a0 + stride, a2 = a1 + stride, a3 = a2 + stride;
  const end = offsets + stride;
  for (let o = offsets; o < end; o += 4) {
    const b = x + ((<usize>load<u32>(o)) << 2);
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    let a = v128.load32_splat(a0);
    c00 = i32x4.add(c00, i32x4.mul(a, b0)); c01 = i32x4.add(c01, i32x4.mul(a, b1));
    c02 = i32x4.add(c02, i32x4.mul(a, b2)); c03 = i32x4.add(c03, i32x4.mul(a, b3));
    a = v128.load32_splat(a1);
    c10 = i32x4.add(c10, i32x4.mul(a, b0)); c11 = i32x4.add(c11, i32x4.mul(a, b1));
    c12 = i32x4.add(c12, i32x4.mul(a, b2)); c13 = i32x4.add(c13, i32x4.mul(a, b3));
    a = v128.load32_splat(a2);
    c20 = i32x4.add(c20, i32x4.mul(a, b0)); c21 = i32x4.add(c21, i32x4.mul(a, b1));
    c22 = i32x4.add(c22, i32x4.mul(a, b2)); c23 = i32x4.add(c23, i32x4.mul(a, b3));
    a = v128.load32_splat(a3);
    c30 = i32x4.add(c30, i32x4.mul(a, b0)); c31 = i32x4.add(c31, i32x4.mul(a, b1));
    c32 = i32x4.add(c32, i32x4.mul(a, b2)); c33 = i32x4.add(c33, i32x4.mul(a, b3));
    a0 += 4; a1 += 4; a2 += 4; a3 += 4;
  }
  const row = (<usize>P) << 2;
  let c = C + <usize>m * row;
  v128.store(c, c00); v128.store(c, c01, 16); v128.store(c, c02, 32); v128.store(c, c03, 48);
  c += row;
  v128.store(c, c10); v128.store(c, c11, 16); v128.store(c, c12, 32); v128.store(c, c13, 48);
  c += row;
  v128.store(c, c20); v128.store(c, c21, 16); v128.store(c, c22, 32); v128.store(c, c23, 48);
  c += row;
  v128.store(c, c30); v128.store(c, c31, 16); v128.store(c, c32, 32); v128.store(c, c33, 48);
}

// @ts-ignore: decorator
@inline
function tile1(A: usize, offsets: usize, x: usize, bias: usize, C: usize, m: i32, K: i32, P: i32): void {
  const stride = (<usize>K) << 2;
  let a0 = A + <usize>m * stride;
  let c0 = v128.load32_splat(bias + ((<usize>m) << 2)), c1 = c0, c2 = c0, c3 = c0;
  const end = offsets + stride;
  for (let o = offsets; o < end; o += 4) {
    const b = x + ((<usize>load<u32>(o)) << 2);
    const a = v128.load32_splat(a0);
    c0 = i32x4.add(c0, i32x4.mul(a, v128.load(b))); c1 = i32x4.add(c1, i32x4.mul(a, v128.load(b, 16)));
    c2 = i32x4.add(c2, i32x4.mul(a, v128.load(b, 32))); c3 = i32x4.add(c3, i32x4.mul(a, v128.load(b, 48)));
    a0 += 4;
  }
  const c = C + <usize>m * ((<usize>P) << 2);
  v128.store(c, c0); v128.store(c, c1, 16); v128.store(c, c2, 32); v128.store(c, c3, 48);
}

/**
 * Transposes a bit matrix. The input is 128 columns of n bits, column j at src + j * n / 8; the output is n
 * rows of 16 bytes; n is a multiple of 128. Blocks of 16 columns x 16 bytes are transposed byte by byte, then
 * eight i8x16.bitmask per vector collect one bit of 16 columns each.
 */
export function transpose128(src: usize, dst: usize, n: usize): void {
  const bytes = n >> 3;
  for (let group: usize = 0; group < 8; group++) {
    const columns = src + (group << 4) * bytes;
    for (let at: usize = 0; at < bytes; at += 16) {
      block16(columns + at, bytes, dst + (at << 7) + (group << 1));
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

/** Transposes a 16 x 16 byte matrix in four rounds of interleaving vectors i and i + 8. */
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
 * Sums over the leaves of a tree, SoftSpokenOT's share of the work: 2^k leaves of `bytes` bytes, one after
 * the other. Column j, at columns + j * bytes, is the xor of the leaves x with bit j of x set; `total` is the
 * xor of all. Bytes are a multiple of 16. Halving: leaves 2 y and 2 y + 1 are added, the odd ones to column
 * 0, and so on with the sums, 2^k + 2^(k-1) + ... additions.
 */
export function leafSums(leaves: usize, bytes: usize, k: i32, columns: usize, total: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) {
    let count: usize = (<usize>1) << (<usize>k);
    let stride: usize = bytes;
    for (let j = 0; j < k; j++) {
      count >>= 1;
      let odd = i64x2.splat(0);
      let from = leaves + at;
      for (let y: usize = 0; y < count; y++) {
        const second = v128.load(from + stride);
        odd = v128.xor(odd, second);
        v128.store(from, v128.xor(v128.load(from), second));
        from += 2 * stride;
      }
      v128.store(columns + (<usize>j) * bytes + at, odd);
      stride <<= 1;
    }
    v128.store(total + at, v128.load(leaves + at));
  }
}

/** Row i xor x^i (low + 2^64 high) in GF(2^128), x^128 = x^7 + x^2 + x + 1. */
export function addPowers(rows: usize, count: usize, low: u64, high: u64): void {
  const end = rows + (count << 4);
  for (; rows < end; rows += 16) {
    store<u64>(rows, load<u64>(rows) ^ low);
    store<u64>(rows, load<u64>(rows, 8) ^ high, 8);
    const carry = high >> 63;
    high = (high << 1) | (low >> 63);
    low = (low << 1) ^ (carry * 0x87);
  }
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
