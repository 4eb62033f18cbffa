// Residues modulo primes q, 2^30 < q < 2^31, four to a vector.

export const N: usize = 4096;
export const BYTES: usize = N << 2;

// @ts-ignore: decorator
@inline
export function mulhi(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(i64x2.extmul_low_i32x4_u(a, b), i64x2.extmul_high_i32x4_u(a, b), 1, 3, 5, 7);
}

/** y w mod q, lazy, for any u32 y; wq = floor(2^32 w / q). Shoup's multiplication (Harvey, 2014, 2.3). */
// @ts-ignore: decorator
@inline
export function shoup(y: v128, w: v128, wq: v128, q: v128): v128 {
  return i32x4.sub(i32x4.mul(y, w), i32x4.mul(mulhi(y, wq), q));
}

/** x or x - m, whichever is the smaller u32: x mod m for x below 2m. */
// @ts-ignore: decorator
@inline
export function less(x: v128, m: v128): v128 {
  return i32x4.min_u(x, i32x4.sub(x, m));
}

// @ts-ignore: decorator
@inline
export function times(y: v128, w: v128, wq: v128, q: v128): v128 {
  return less(shoup(y, w, wq, q), q);
}

// @ts-ignore: decorator
@inline
export function plus(x: v128, y: v128, q: v128): v128 {
  return less(i32x4.add(x, y), q);
}

// @ts-ignore: decorator
@inline
export function minus(x: v128, y: v128, q: v128): v128 {
  const difference = i32x4.sub(x, y);
  return i32x4.min_u(difference, i32x4.add(difference, q));
}
