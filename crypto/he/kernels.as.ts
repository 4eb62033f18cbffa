// Arithmetic of BFV modulo primes q, 2^30 < q < 2^31, q = 1 mod 2N, N = 4096, in AssemblyScript with SIMD.
// Pointers are byte offsets into the imported memory, whose layout the typed wrapper beside this file
// decides. Residues are u32 below q; 'centred' ones are i32 of absolute value below q / 2, and 'lazy' ones
// u32 below 2q. The transform is that of SEAL 4.1 (same root, same order), so every result can be held to
// SEAL's bit for bit.
//
// No branch and no address depends on a secret, but those of rejection sampling, which are independent of
// what is kept.

const N: usize = 4096;
const BYTES: usize = N << 2;

/** The first byte that the wrapper may use. */
export function heapBase(): usize {
  return __heap_base;
}

// @ts-ignore: decorator
@inline
function mulhi(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(i64x2.extmul_low_i32x4_u(a, b), i64x2.extmul_high_i32x4_u(a, b), 1, 3, 5, 7);
}

/** y w mod q, lazy, for any u32 y; wq = floor(2^32 w / q). Shoup's multiplication (Harvey, 2014, 2.3). */
// @ts-ignore: decorator
@inline
function shoup(y: v128, w: v128, wq: v128, q: v128): v128 {
  return i32x4.sub(i32x4.mul(y, w), i32x4.mul(mulhi(y, wq), q));
}

/** x or x - m, whichever is the smaller u32: x mod m for x below 2m. */
// @ts-ignore: decorator
@inline
function less(x: v128, m: v128): v128 {
  return i32x4.min_u(x, i32x4.sub(x, m));
}

// @ts-ignore: decorator
@inline
function times(y: v128, w: v128, wq: v128, q: v128): v128 {
  return less(shoup(y, w, wq, q), q);
}

// @ts-ignore: decorator
@inline
function plus(x: v128, y: v128, q: v128): v128 {
  return less(i32x4.add(x, y), q);
}

// @ts-ignore: decorator
@inline
function minus(x: v128, y: v128, q: v128): v128 {
  const difference = i32x4.sub(x, y);
  return i32x4.min_u(difference, i32x4.add(difference, q));
}

/**
 * Forward transform in place, order of SEAL, two stages a pass. `table` of 4N words: w[N], floor(2^32 w /
 * q)[N] forward, then the same of the inverses, w[m + i] as in SEAL. Two residues below 2^31 fill a u32, so
 * that butterflies reduce after each step: 11.5 us, against 9.3 us for lazy ones modulo primes below 2^30.
 */
export function ntt(a: usize, table: usize, prime: u32): void {
  const q = i32x4.splat(prime);
  const tq = table + BYTES;
  let m: usize = 1;
  for (let gap: usize = BYTES >> 2; gap >= 16; gap >>= 2) {
    let base = a;
    for (let i: usize = 0; i < m; i++) {
      const at1 = (m + i) << 2, at2 = (m + i) << 3;
      const w1 = v128.load32_splat(table + at1), s1 = v128.load32_splat(tq + at1);
      const w2 = v128.load32_splat(table + at2), s2 = v128.load32_splat(tq + at2);
      const w3 = v128.load32_splat(table + at2, 4), s3 = v128.load32_splat(tq + at2, 4);
      const end = base + gap;
      for (let p = base; p < end; p += 16) {
        const p1 = p + gap, p2 = p1 + gap, p3 = p2 + gap;
        let x0 = v128.load(p), x1 = v128.load(p1);
        let y = times(v128.load(p2), w1, s1, q);
        const z = times(v128.load(p3), w1, s1, q);
        const x2 = minus(x0, y, q);
        x0 = plus(x0, y, q);
        const x3 = minus(x1, z, q);
        x1 = plus(x1, z, q);
        y = times(x1, w2, s2, q);
        v128.store(p, plus(x0, y, q));
        v128.store(p1, minus(x0, y, q));
        y = times(x3, w3, s3, q);
        v128.store(p2, plus(x2, y, q));
        v128.store(p3, minus(x2, y, q));
      }
      base = end + 3 * gap;
    }
    m <<= 2;
  }
  // Gaps of two words and of one, eight words at a time.
  let t2 = table + (m << 2), s2 = tq + (m << 2);
  let t1 = table + (m << 3), s1 = tq + (m << 3);
  const end = a + BYTES;
  for (let p = a; p < end; p += 32) {
    const v0 = v128.load(p), v1 = v128.load(p, 16);
    let x = v128.shuffle<u64>(v0, v1, 0, 2);
    let y = v128.shuffle<u64>(v0, v1, 1, 3);
    const w = v128.load64_zero(t2), s = v128.load64_zero(s2);
    y = times(y, v128.shuffle<u32>(w, w, 0, 0, 1, 1), v128.shuffle<u32>(s, s, 0, 0, 1, 1), q);
    const e = plus(x, y, q), f = minus(x, y, q);
    x = v128.shuffle<u32>(e, f, 0, 4, 2, 6);
    y = times(v128.shuffle<u32>(e, f, 1, 5, 3, 7), v128.load(t1), v128.load(s1), q);
    const g = plus(x, y, q), h = minus(x, y, q);
    v128.store(p, v128.shuffle<u32>(g, h, 0, 4, 1, 5));
    v128.store(p, v128.shuffle<u32>(g, h, 2, 6, 3, 7), 16);
    t2 += 8; s2 += 8; t1 += 16; s1 += 16;
  }
}

/** Inverse transform in place, times `scale` (with its quotient), which holds 1 / N. */
export function intt(a: usize, table: usize, prime: u32, scale: u32, scaleQ: u32): void {
  const q = i32x4.splat(prime);
  const inverse = table + 2 * BYTES, iq = inverse + BYTES;
  let m: usize = N >> 2;
  let t2 = inverse + (m << 2), s2 = iq + (m << 2);
  let t1 = inverse + (m << 3), s1 = iq + (m << 3);
  const stop = a + BYTES;
  for (let p = a; p < stop; p += 32) {
    const v0 = v128.load(p), v1 = v128.load(p, 16);
    let x = v128.shuffle<u32>(v0, v1, 0, 2, 4, 6), y = v128.shuffle<u32>(v0, v1, 1, 3, 5, 7);
    const e = plus(x, y, q);
    const f = times(i32x4.sub(i32x4.add(x, q), y), v128.load(t1), v128.load(s1), q);
    // e = a0 a2 b0 b2, f = a1 a3 b1 b3
    x = v128.shuffle<u32>(e, f, 0, 4, 2, 6);
    y = v128.shuffle<u32>(e, f, 1, 5, 3, 7);
    const w = v128.load64_zero(t2), s = v128.load64_zero(s2);
    const w2 = v128.shuffle<u32>(w, w, 0, 0, 1, 1), q2 = v128.shuffle<u32>(s, s, 0, 0, 1, 1);
    const g = plus(x, y, q);
    const h = times(i32x4.sub(i32x4.add(x, q), y), w2, q2, q);
    v128.store(p, v128.shuffle<u64>(g, h, 0, 2));
    v128.store(p, v128.shuffle<u64>(g, h, 1, 3), 16);
    t2 += 8; s2 += 8; t1 += 16; s1 += 16;
  }
  const c = i32x4.splat(scale), cq = i32x4.splat(scaleQ);
  for (let gap: usize = 16; gap <= BYTES >> 2; gap <<= 2) {
    m >>= 2;
    let base = a;
    const last = m == 1;
    for (let i: usize = 0; i < m; i++) {
      const at1 = (m + i) << 2, at2 = (m + i) << 3;
      const w1 = v128.load32_splat(inverse + at1), s1 = v128.load32_splat(iq + at1);
      const w2 = v128.load32_splat(inverse + at2), s2 = v128.load32_splat(iq + at2);
      const w3 = v128.load32_splat(inverse + at2, 4), s3 = v128.load32_splat(iq + at2, 4);
      const end = base + gap;
      for (let p = base; p < end; p += 16) {
        const p1 = p + gap, p2 = p1 + gap, p3 = p2 + gap;
        let x0 = v128.load(p), x1 = v128.load(p1), x2 = v128.load(p2), x3 = v128.load(p3);
        const y0 = plus(x0, x1, q);
        const y1 = times(i32x4.sub(i32x4.add(x0, q), x1), w2, s2, q);
        const y2 = plus(x2, x3, q);
        const y3 = times(i32x4.sub(i32x4.add(x2, q), x3), w3, s3, q);
        x0 = plus(y0, y2, q);
        x1 = plus(y1, y3, q);
        x2 = times(i32x4.sub(i32x4.add(y0, q), y2), w1, s1, q);
        x3 = times(i32x4.sub(i32x4.add(y1, q), y3), w1, s1, q);
        if (last) {
          x0 = times(x0, c, cq, q);
          x1 = times(x1, c, cq, q);
          x2 = times(x2, c, cq, q);
          x3 = times(x3, c, cq, q);
        }
        v128.store(p, x0); v128.store(p1, x1); v128.store(p2, x2); v128.store(p3, x3);
      }
      base = end + 3 * gap;
    }
  }
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

/** Signed words of absolute value below q, [N], to residues. */
export function lift(v: usize, out: usize, prime: u32): void {
  const q = i32x4.splat(prime);
  for (let i: usize = 0; i < BYTES; i += 16) {
    const x = v128.load(v + i);
    v128.store(out + i, i32x4.add(x, v128.and(i32x4.shr_s(x, 31), q)));
  }
}

/** Centred binomial of 21 pairs of bits, SEAL's: N signed words from 2N random words, 21 bits of each. */
export function binomial(random: usize, out: usize): void {
  const mask = i32x4.splat(0x1fffff);
  for (let i: usize = 0; i < BYTES; i += 16) {
    const a = popcount(v128.and(v128.load(random + i), mask));
    const b = popcount(v128.and(v128.load(random + BYTES + i), mask));
    v128.store(out + i, i32x4.sub(a, b));
  }
}

// @ts-ignore: decorator
@inline
function popcount(x: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(i8x16.popcnt(x)));
}

/**
 * N words of -1, 0 and 1 from bytes below 243, five digits to the base 3 each. Returns the bytes read, 0
 * where `length` did not suffice.
 */
export function ternary(random: usize, length: i32, out: usize): i32 {
  let from: i32 = 0;
  const end = out + BYTES;
  while (out < end) {
    if (from == length) return 0;
    let byte = <u32>load<u8>(random + <usize>from);
    from++;
    if (byte >= 243) continue;
    for (let k = 0; k < 5 && out < end; k++) {
      const next = (byte * 171) >> 9;
      store<i32>(out, <i32>(byte - 3 * next) - 1);
      byte = next;
      out += 4;
    }
  }
  return from;
}

/**
 * N uniform residues from the low 31 bits of words, those of q or more left out. Returns the words read, 0
 * where `length` did not suffice.
 */
export function uniform(random: usize, length: i32, out: usize, prime: u32): i32 {
  const q = i32x4.splat(prime), mask = i32x4.splat(0x7fffffff);
  const end = out + BYTES;
  let from = random;
  const stop = random + ((<usize>length) << 2);
  while (out < end) {
    if (from + 16 <= stop && out + 16 <= end) {
      const x = v128.and(v128.load(from), mask);
      if (!v128.any_true(i32x4.ge_u(x, q))) {
        v128.store(out, x);
        out += 16;
        from += 16;
        continue;
      }
    }
    if (from == stop) return 0;
    const x = load<u32>(from) & 0x7fffffff;
    from += 4;
    if (x < prime) {
      store<u32>(out, x);
      out += 4;
    }
  }
  return <i32>((from - random) >> 2);
}

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

/** y += e c mod q for errors e [N], |e| < 2^6; c with its quotient. */
export function addError(y: usize, e: usize, prime: u32, c: u32, cq: u32): void {
  const q = i32x4.splat(prime), w = i32x4.splat(c), wq = i32x4.splat(cq);
  for (let i: usize = 0; i < BYTES; i += 16) {
    const x = v128.load(e + i);
    const lifted = i32x4.add(x, v128.and(i32x4.shr_s(x, 31), q));
    v128.store(y + i, plus(v128.load(y + i), times(lifted, w, wq, q), q));
  }
}

/**
 * c1 for the wire: round(2^40 c / Q) mod 2^40 as N low words, then N high bytes. c is given by its digits y_i
 * = c (Q / q_i)^-1 mod q_i, i < 3, at y, y + stride and y + 2 stride; `reciprocals` holds 1 / q_i. c / Q is
 * the sum of y_i / q_i mod 1, in doubles within 2^-49: a function of c alone.
 */
export function switchDown(y: usize, stride: usize, out: usize, reciprocals: usize): void {
  const f0 = v128.load64_splat(reciprocals), f1 = v128.load64_splat(reciprocals, 8);
  const f2 = v128.load64_splat(reciprocals, 16);
  const high = out + BYTES;
  for (let i: usize = 0; i < BYTES; i += 16) {
    const a = v128.load(y + i), b = v128.load(y + stride + i), c = v128.load(y + 2 * stride + i);
    const lo = fraction(a, b, c, f0, f1, f2);
    const hi = fraction(
      v128.shuffle<u64>(a, a, 1, 1), v128.shuffle<u64>(b, b, 1, 1), v128.shuffle<u64>(c, c, 1, 1), f0, f1, f2,
    );
    v128.store(out + i, v128.shuffle<u32>(lo, hi, 0, 2, 4, 6));
    const h = v128.shuffle<u32>(lo, hi, 1, 3, 5, 7);
    const bytes = v128.shuffle<u8>(h, h, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    store<u32>(high + (i >> 2), i32x4.extract_lane(bytes, 0));
  }
}

// @ts-ignore: decorator
@inline
function fraction(a: v128, b: v128, c: v128, f0: v128, f1: v128, f2: v128): v128 {
  let x = f64x2.mul(f64x2.convert_low_i32x4_u(a), f0);
  x = f64x2.add(x, f64x2.mul(f64x2.convert_low_i32x4_u(b), f1));
  x = f64x2.add(x, f64x2.mul(f64x2.convert_low_i32x4_u(c), f2));
  // x is below 3. Times 2^40 its whole part lies above the 40 bits; the sum with 2^52 rounds to an integer.
  const scaled = f64x2.mul(x, f64x2.splat(1099511627776.0));
  return f64x2.add(scaled, f64x2.splat(4503599627370496.0));
}

/**
 * The server's share of the coefficients at `count` positions: round(2^32 c / Q - 2^-9) mod 2^32, from the
 * digits y_i of c as above. `constants` holds for each prime floor(2^62 / q_i), then its next 31 bits, then
 * 31 more.
 *
 * The three limbs fall short of the fraction by less than 2^-58 of a unit, and every element takes the same
 * time. With fewer limbs and an exact way out for elements near an edge, a client that sends crafted residues
 * would see from the time how many of its products fall there.
 */
export function share(
  y: usize, stride: usize, positions: usize, count: i32, out: usize, constants: usize,
): void {
  const h0 = load<u64>(constants), l0 = load<u64>(constants, 8), m0 = load<u64>(constants, 16);
  const h1 = load<u64>(constants, 24), l1 = load<u64>(constants, 32), m1 = load<u64>(constants, 40);
  const h2 = load<u64>(constants, 48), l2 = load<u64>(constants, 56), m2 = load<u64>(constants, 64);
  for (let n: usize = 0; n < <usize>count; n++) {
    const at = y + ((<usize>load<u32>(positions + (n << 2))) << 2);
    const a = <u64>load<u32>(at), b = <u64>load<u32>(at + stride), c = <u64>load<u32>(at + 2 * stride);
    const third = (a * m0 + b * m1 + c * m2) >> 31;
    const second = (a * l0 + b * l1 + c * l2 + third) >> 31;
    // 2^62 c / Q mod 2^62.
    const sum = a * h0 + b * h1 + c * h2 + second;
    // A half less 2^-9, which is half a step of the client's u / 2^8: it rounds half up, and so errors of
    // either sign are as likely.
    store<u32>(out + (n << 2), <u32>((sum + (<u64>1 << 29) - (<u64>1 << 21)) >> 30));
  }
}

/** The wire's planes of 40 bits to residues: low + 2^32 high mod q, fold = 2^32 mod q. */
export function residuesOf40(planes: usize, out: usize, prime: u32, fold: u32): void {
  const q = i32x4.splat(prime), q2 = i32x4.splat(prime << 1), f = i32x4.splat(fold);
  const high = planes + BYTES;
  for (let i: usize = 0; i < BYTES; i += 16) {
    const h = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(high + (i >> 2))));
    const low = less(less(v128.load(planes + i), q2), q);
    v128.store(out + i, plus(low, i32x4.mul(h, f), q));
  }
}

/**
 * The client's share: floor((u + 2^7) / 2^8) mod 2^32 at `count` positions, u the integer, |u| < 2^52, with
 * the residues a [N] mod q0 and b [N] mod q1; k = q0^-1 mod q1 with its quotient.
 */
export function clientShare(
  a: usize, b: usize, positions: usize, count: i32, out: usize, q0: u32, q1: u32, k: u32, kq: u32,
): void {
  const whole = <u64>q0 * <u64>q1;
  for (let n: usize = 0; n < <usize>count; n++) {
    const at = (<usize>load<u32>(positions + (n << 2))) << 2;
    const x = load<u32>(a + at);
    const d = load<u32>(b + at) + q1 - smaller(x, q1);
    const r = smaller(d * k - <u32>((<u64>d * <u64>kq) >> 32) * q1, q1);
    // r is below q1 / 2 for u >= 0.
    const negative = <u64>(<i64>(<i32>((q1 >> 1) - r) >> 31));
    const u = <u64>x + <u64>r * <u64>q0 - (whole & negative);
    store<u32>(out + (n << 2), <u32>((u + 128) >> 8));
  }
}

/** x mod m for x below 2m, without a branch: the borrow of x - m makes the mask. */
// @ts-ignore: decorator
@inline
function smaller(x: u32, m: u32): u32 {
  const difference = <u64>x - <u64>m;
  return <u32>difference + (m & <u32>(difference >> 32));
}
