// Kernels over bit planes, in AssemblyScript with SIMD. Plane i holds bit i of every element of a layer, one
// bit per element, so that an operation on 128 elements is one instruction and takes the same time for all
// values. Pointers are byte offsets into the imported memory. The length of a plane is a multiple of 16.

/** The first byte that the wrapper may use. */
export function heapBase(): usize {
  return __heap_base;
}

/** out = a xor b */
export function xor(a: usize, b: usize, out: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(out + i, v128.xor(v128.load(a + i), v128.load(b + i)));
  }
}

/** out = a and b */
export function and(a: usize, b: usize, out: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(out + i, v128.and(v128.load(a + i), v128.load(b + i)));
  }
}

/** out = not a */
export function not(a: usize, out: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(out + i, v128.not(v128.load(a + i)));
}

/** Each of `planes` planes from `out` on: xor the plane of `x` with the same number, and the plane `mask`. */
export function addMasked(out: usize, x: usize, mask: usize, planes: i32, bytes: usize): void {
  for (let p = 0; p < planes; p++) {
    for (let i: usize = 0; i < bytes; i += 16, out += 16, x += 16) {
      const masked = v128.and(v128.load(x), v128.load(mask + i));
      v128.store(out, v128.xor(v128.load(out), masked));
    }
  }
}

/** Exchanges a and b where `when` is set. */
export function swap(a: usize, b: usize, when: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(a + i), y = v128.load(b + i);
    const difference = v128.and(v128.xor(x, y), v128.load(when + i));
    v128.store(a + i, v128.xor(x, difference));
    v128.store(b + i, v128.xor(y, difference));
  }
}

/**
 * Of each pair of the 2 `pairs` planes at `table` the second where `bit` is set, else the first; to the first
 * `pairs` planes at `out`, which may be `table`.
 */
export function halve(table: usize, pairs: i32, bit: usize, out: usize, bytes: usize): void {
  for (let p = 0; p < pairs; p++, table += 2 * bytes, out += bytes) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const zero = v128.load(table + i), one = v128.load(table + bytes + i);
      v128.store(out + i, v128.bitselect(one, zero, v128.load(bit + i)));
    }
  }
}

// @ts-ignore: decorator
@inline
function byteOfEach(v: v128): v128 {
  return v128.swizzle(v, i8x16(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
}

/** Bits of 16 bytes, the lowest first, to planes that are `stride` bytes apart. */
// @ts-ignore: decorator
@inline
function scatter(v: v128, bits: i32, out: usize, stride: usize): void {
  // i8x16.bitmask collects bit 7, and v + v moves the next bit up: the highest wanted bit comes first.
  v = i8x16.shl(v, 8 - bits);
  out += <usize>(bits - 1) * stride;
  for (let b = 0; b < bits; b++, out -= stride) {
    store<u16>(out, <u16>i8x16.bitmask(v));
    v = i8x16.add(v, v);
  }
}

/** The low `bits` (at most 32) of 16 words, of which each vector holds four, to planes. */
// @ts-ignore: decorator
@inline
function planesOf16(a: v128, b: v128, c: v128, d: v128, bits: i32, out: usize, stride: usize): void {
  a = byteOfEach(a); b = byteOfEach(b); c = byteOfEach(c); d = byteOfEach(d);
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  scatter(v128.shuffle<i64>(ab, cd, 0, 2), min(bits, 8), out, stride);
  if (bits <= 8) return;
  out += stride << 3;
  scatter(v128.shuffle<i64>(ab, cd, 1, 3), min(bits - 8, 8), out, stride);
  if (bits <= 16) return;
  out += stride << 3;
  const high = v128.shuffle<i32>(a, b, 2, 6, 3, 7), last = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  scatter(v128.shuffle<i64>(high, last, 0, 2), min(bits - 16, 8), out, stride);
  if (bits <= 24) return;
  out += stride << 3;
  scatter(v128.shuffle<i64>(high, last, 1, 3), bits - 24, out, stride);
}

/** Bits `first` to `first + bits - 1` of each of `count` words. Reads whole groups of 16 words. */
export function wordPlanes(words: usize, count: usize, first: i32, bits: i32, out: usize, stride: usize): void {
  for (let i: usize = 0; i < count; i += 16, words += 64, out += 2) {
    planesOf16(
      i32x4.shr_u(v128.load(words), first), i32x4.shr_u(v128.load(words, 16), first),
      i32x4.shr_u(v128.load(words, 32), first), i32x4.shr_u(v128.load(words, 48), first),
      bits, out, stride,
    );
  }
}

// @ts-ignore: decorator
@inline
function wordOfFour(rows: usize): v128 {
  let v = v128.load32_zero(rows);
  v = v128.load32_lane(rows, v, 1, 16);
  v = v128.load32_lane(rows, v, 2, 32);
  return v128.load32_lane(rows, v, 3, 48);
}

/** The low `bits` (at most 128) of each of `count` rows of 16 bytes. Reads whole groups of 16 rows. */
export function rowPlanes(rows: usize, count: usize, bits: i32, out: usize, stride: usize): void {
  for (let i: usize = 0; i < count; i += 16, rows += 256, out += 2) {
    let to = out;
    for (let left = bits, word = rows; left > 0; left -= 32, word += 4, to += stride << 5) {
      planesOf16(
        wordOfFour(word), wordOfFour(word + 64), wordOfFour(word + 128), wordOfFour(word + 192),
        min(left, 32), to, stride,
      );
    }
  }
}

/** sigma(row xor offset) of `count` rows, sigma(L, R) = (L xor R, L). `offset`: 16 bytes. */
export function sigma(rows: usize, count: usize, offset: usize, out: usize): void {
  const d = v128.load(offset), low = i64x2(-1, 0), end = rows + (count << 4);
  for (; rows < end; rows += 16, out += 16) {
    const x = v128.xor(v128.load(rows), d);
    v128.store(out, v128.xor(v128.shuffle<i64>(x, x, 1, 0), v128.and(x, low)));
  }
}

/** Word `word` of each of `count` rows. */
export function wordOfRows(rows: usize, count: usize, word: usize, out: usize): void {
  rows += word << 2;
  for (let i: usize = 0; i < count; i++, rows += 16, out += 4) store<u32>(out, load<u32>(rows));
}
