// Kernels over Z_{2^32}, in AssemblyScript with SIMD. Pointers are byte offsets into the imported
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
