// Sums of products of polynomials, which are all the work of an answer that grows with the layer.
import { BYTES, less, mulhi, plus } from './residues.as';

/** Words of the sums of products that are kept at once: two polynomials of i64 in the first-level cache. */
const CHUNK: usize = 512;

/**
 * One prime of an answer: out_k = sum over `terms` of w x_k / 2^32 mod q, k = 0, 1, for two polynomials at
 * `out` and out + outStride; with `more` added to what is there. `list` holds, term after term, the addresses
 * of w, x_0 and x_1, all centred. `fold` is 2^32 mod q, below 2^22, `inverse` q^-1 mod 2^32.
 *
 * A centred product is below q^2 / 4, and eight of them with what the last fold left fit an i64: for q = 2^31
 * - d the fold leaves at most 2^31 2 d + 2^32, and 2^63 - 2 q^2 is 2^33 d - 2 d^2.
 */
export function multiplySum(
  list: usize, terms: i32, out: usize, outStride: usize, acc: usize,
  prime: u32, fold: u32, inverse: u32, more: bool,
): void {
  for (let from: usize = 0; from < BYTES; from += CHUNK << 2) {
    let entry = list;
    let held = 0;
    memory.fill(acc, 0, CHUNK << 4);
    let t = 0;
    for (; t + 4 <= terms; t += 4) {
      if (held == 8) {
        foldSums(acc, fold);
        held = 0;
      }
      addFour(entry, from, acc);
      held += 4;
      entry += 48;
    }
    if (t < terms && held == 8) foldSums(acc, fold);
    for (; t < terms; t++) {
      addOne(entry, from, acc);
      entry += 12;
    }
    reduceSums(acc, out + from, out + outStride + from, prime, fold, inverse, more);
  }
}

// acc: for every 4 words: sums of w x_0 (32 bytes), of w x_1 (32 bytes).
function addFour(entry: usize, from: usize, acc: usize): void {
  const w0 = <usize>load<u32>(entry) + from, x0 = <usize>load<u32>(entry, 4) + from;
  const y0 = <usize>load<u32>(entry, 8) + from;
  const w1 = <usize>load<u32>(entry, 12) + from, x1 = <usize>load<u32>(entry, 16) + from;
  const y1 = <usize>load<u32>(entry, 20) + from;
  const w2 = <usize>load<u32>(entry, 24) + from, x2 = <usize>load<u32>(entry, 28) + from;
  const y2 = <usize>load<u32>(entry, 32) + from;
  const w3 = <usize>load<u32>(entry, 36) + from, x3 = <usize>load<u32>(entry, 40) + from;
  const y3 = <usize>load<u32>(entry, 44) + from;
  for (let i: usize = 0; i < CHUNK << 2; i += 16) {
    let a = v128.load(acc), b = v128.load(acc, 16), c = v128.load(acc, 32), d = v128.load(acc, 48);
    let w = v128.load(w0 + i), x = v128.load(x0 + i), y = v128.load(y0 + i);
    a = i64x2.add(a, i64x2.extmul_low_i32x4_s(w, x)); b = i64x2.add(b, i64x2.extmul_high_i32x4_s(w, x));
    c = i64x2.add(c, i64x2.extmul_low_i32x4_s(w, y)); d = i64x2.add(d, i64x2.extmul_high_i32x4_s(w, y));
    w = v128.load(w1 + i); x = v128.load(x1 + i); y = v128.load(y1 + i);
    a = i64x2.add(a, i64x2.extmul_low_i32x4_s(w, x)); b = i64x2.add(b, i64x2.extmul_high_i32x4_s(w, x));
    c = i64x2.add(c, i64x2.extmul_low_i32x4_s(w, y)); d = i64x2.add(d, i64x2.extmul_high_i32x4_s(w, y));
    w = v128.load(w2 + i); x = v128.load(x2 + i); y = v128.load(y2 + i);
    a = i64x2.add(a, i64x2.extmul_low_i32x4_s(w, x)); b = i64x2.add(b, i64x2.extmul_high_i32x4_s(w, x));
    c = i64x2.add(c, i64x2.extmul_low_i32x4_s(w, y)); d = i64x2.add(d, i64x2.extmul_high_i32x4_s(w, y));
    w = v128.load(w3 + i); x = v128.load(x3 + i); y = v128.load(y3 + i);
    a = i64x2.add(a, i64x2.extmul_low_i32x4_s(w, x)); b = i64x2.add(b, i64x2.extmul_high_i32x4_s(w, x));
    c = i64x2.add(c, i64x2.extmul_low_i32x4_s(w, y)); d = i64x2.add(d, i64x2.extmul_high_i32x4_s(w, y));
    v128.store(acc, a); v128.store(acc, b, 16); v128.store(acc, c, 32); v128.store(acc, d, 48);
    acc += 64;
  }
}

function addOne(entry: usize, from: usize, acc: usize): void {
  const w0 = <usize>load<u32>(entry) + from, x0 = <usize>load<u32>(entry, 4) + from;
  const y0 = <usize>load<u32>(entry, 8) + from;
  for (let i: usize = 0; i < CHUNK << 2; i += 16) {
    const w = v128.load(w0 + i), x = v128.load(x0 + i), y = v128.load(y0 + i);
    v128.store(acc, i64x2.add(v128.load(acc), i64x2.extmul_low_i32x4_s(w, x)));
    v128.store(acc, i64x2.add(v128.load(acc, 16), i64x2.extmul_high_i32x4_s(w, x)), 16);
    v128.store(acc, i64x2.add(v128.load(acc, 32), i64x2.extmul_low_i32x4_s(w, y)), 32);
    v128.store(acc, i64x2.add(v128.load(acc, 48), i64x2.extmul_high_i32x4_s(w, y)), 48);
    acc += 64;
  }
}

/** Two vectors of i64, in place: low + 2^32 high to low + fold high, below 2^54 in absolute value. */
// @ts-ignore: decorator
@inline
function foldPair(at: usize, fold: v128): void {
  const a = v128.load(at), b = v128.load(at, 16);
  const high = v128.shuffle<u32>(a, b, 1, 3, 5, 7);
  const low = v128.shuffle<u32>(a, b, 0, 2, 4, 6);
  const first = i64x2.extmul_low_i32x4_s(high, fold), second = i64x2.extmul_high_i32x4_s(high, fold);
  v128.store(at, i64x2.add(first, i64x2.extend_low_i32x4_u(low)));
  v128.store(at, i64x2.add(second, i64x2.extend_high_i32x4_u(low)), 16);
}

function foldSums(acc: usize, fold: u32): void {
  const f = i32x4.splat(fold);
  const end = acc + (CHUNK << 4);
  for (let at = acc; at < end; at += 32) foldPair(at, f);
}

/** A folded pair / 2^32 mod q (Montgomery, 1985), below q. `shift`, q 2^24, makes the pair positive. */
// @ts-ignore: decorator
@inline
function montgomeryPair(at: usize, q: v128, inverse: v128, shift: v128): v128 {
  const a = i64x2.add(v128.load(at), shift), b = i64x2.add(v128.load(at, 16), shift);
  const low = v128.shuffle<u32>(a, b, 0, 2, 4, 6);
  const high = v128.shuffle<u32>(a, b, 1, 3, 5, 7);
  return less(i32x4.add(i32x4.sub(high, mulhi(i32x4.mul(low, inverse), q)), q), q);
}

function reduceSums(
  acc: usize, out0: usize, out1: usize, prime: u32, fold: u32, inverse: u32, more: bool,
): void {
  const f = i32x4.splat(fold), q = i32x4.splat(prime), iq = i32x4.splat(inverse);
  const shift = i64x2.splat((<i64>prime) << 24);
  const end = acc + (CHUNK << 4);
  for (let at = acc; at < end; at += 64) {
    foldPair(at, f);
    foldPair(at + 32, f);
    let x = montgomeryPair(at, q, iq, shift), y = montgomeryPair(at + 32, q, iq, shift);
    if (more) {
      x = plus(x, v128.load(out0), q);
      y = plus(y, v128.load(out1), q);
    }
    v128.store(out0, x);
    v128.store(out1, y);
    out0 += 16;
    out1 += 16;
  }
}
