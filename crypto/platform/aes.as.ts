/**
 * AES-128 in bit planes: eight blocks at once, of which vector i holds bit i of every byte (Käsper, Schwabe,
 * 'Faster and Timing-Attack Resistant AES-GCM', CHES 2009). There are no tables, so no address depends on a
 * key or on data. Look-ups within vectors (Hamburg, CHES 2009) reach two thirds of its speed, because those
 * of WebAssembly take two instructions each.
 *
 * Within a vector the four bytes of a row of the state lie together, so that MixColumns turns whole words.
 * The masks lie in memory because V8 makes a constant anew in every round.
 *
 * A schedule is 11 round keys, each as eight planes of 16 bytes that are the same for all blocks. All but
 * the first hold 0x63 too, the constant of the S-box, which ShiftRows and MixColumns leave as it is.
 */
export function heapBase(): usize {
  return __heap_base;
}

/** Bytes of a schedule. */
export function scheduleBytes(): usize {
  return 11 * 128;
}

/** From columns to rows, or back. */
const toRows = memory.data<u8>([0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]);
const shiftRows = memory.data<u8>([0, 1, 2, 3, 5, 6, 7, 4, 10, 11, 8, 9, 15, 12, 13, 14]);
const pairs = memory.data<u64>([0x5555555555555555, 0x5555555555555555]);
const quads = memory.data<u64>([0x3333333333333333, 0x3333333333333333]);
const halves = memory.data<u64>([0x0f0f0f0f0f0f0f0f, 0x0f0f0f0f0f0f0f0f]);
/** Two round keys of zeros, and room for eight blocks. */
const noKeys = memory.data(256, 16);
const room = memory.data(128, 16);

/** What of `a`, `bits` further down, differs from `b` under the mask. */
// @ts-ignore: decorator
@inline
function unequal(a: v128, b: v128, bits: i32, mask: v128): v128 {
  return v128.and(v128.xor(i64x2.shr_u(a, bits), b), mask);
}

/** Turns the eight blocks at `at` into planes, or back: bit i of vector j becomes bit j of vector i. */
function turn(at: usize): void {
  const order = v128.load(toRows);
  let x0 = i8x16.swizzle(v128.load(at, 0), order);
  let x1 = i8x16.swizzle(v128.load(at, 16), order);
  let x2 = i8x16.swizzle(v128.load(at, 32), order);
  let x3 = i8x16.swizzle(v128.load(at, 48), order);
  let x4 = i8x16.swizzle(v128.load(at, 64), order);
  let x5 = i8x16.swizzle(v128.load(at, 80), order);
  let x6 = i8x16.swizzle(v128.load(at, 96), order);
  let x7 = i8x16.swizzle(v128.load(at, 112), order);
  let mask: v128, t: v128;
  mask = v128.load(pairs);
  t = unequal(x0, x1, 1, mask); x0 = v128.xor(x0, i64x2.shl(t, 1)); x1 = v128.xor(x1, t);
  t = unequal(x2, x3, 1, mask); x2 = v128.xor(x2, i64x2.shl(t, 1)); x3 = v128.xor(x3, t);
  t = unequal(x4, x5, 1, mask); x4 = v128.xor(x4, i64x2.shl(t, 1)); x5 = v128.xor(x5, t);
  t = unequal(x6, x7, 1, mask); x6 = v128.xor(x6, i64x2.shl(t, 1)); x7 = v128.xor(x7, t);
  mask = v128.load(quads);
  t = unequal(x0, x2, 2, mask); x0 = v128.xor(x0, i64x2.shl(t, 2)); x2 = v128.xor(x2, t);
  t = unequal(x1, x3, 2, mask); x1 = v128.xor(x1, i64x2.shl(t, 2)); x3 = v128.xor(x3, t);
  t = unequal(x4, x6, 2, mask); x4 = v128.xor(x4, i64x2.shl(t, 2)); x6 = v128.xor(x6, t);
  t = unequal(x5, x7, 2, mask); x5 = v128.xor(x5, i64x2.shl(t, 2)); x7 = v128.xor(x7, t);
  mask = v128.load(halves);
  t = unequal(x0, x4, 4, mask); x0 = v128.xor(x0, i64x2.shl(t, 4)); x4 = v128.xor(x4, t);
  t = unequal(x1, x5, 4, mask); x1 = v128.xor(x1, i64x2.shl(t, 4)); x5 = v128.xor(x5, t);
  t = unequal(x2, x6, 4, mask); x2 = v128.xor(x2, i64x2.shl(t, 4)); x6 = v128.xor(x6, t);
  t = unequal(x3, x7, 4, mask); x3 = v128.xor(x3, i64x2.shl(t, 4)); x7 = v128.xor(x7, t);
  v128.store(at, x0, 0);
  v128.store(at, x1, 16);
  v128.store(at, x2, 32);
  v128.store(at, x3, 48);
  v128.store(at, x4, 64);
  v128.store(at, x5, 80);
  v128.store(at, x6, 96);
  v128.store(at, x7, 112);
}

/** The rows one and two further down. */
// @ts-ignore: decorator
@inline
function below(x: v128): v128 {
  return v128.shuffle<i32>(x, x, 1, 2, 3, 0);
}

// @ts-ignore: decorator
@inline
function twoBelow(x: v128): v128 {
  return v128.shuffle<i32>(x, x, 2, 3, 0, 1);
}

/**
 * A bit of MixColumns, and the round key. Of the bit a, b is the row below, c = a + b, `lower` the c of the
 * next lower bit, which doubling moves here.
 */
// @ts-ignore: decorator
@inline
function mixed(lower: v128, b: v128, c: v128, key: v128): v128 {
  return v128.xor(v128.xor(lower, b), v128.xor(twoBelow(c), key));
}

/**
 * Encrypts the eight blocks at `at` in place, in planes, by so many rounds, of which the last does not mix.
 * x0 to x7 are the bits of the state from the top down, s0 to s7 those of the S-box, by the circuit of
 * J. Boyar and R. Peralta ('A new combinational logic minimization technique with applications to
 * cryptology', SEA 2010), 115 gates, but for the constant.
 */
function encrypt(keys: usize, at: usize, rounds: usize): void {
  const rows = v128.load(shiftRows);
  const last = keys + (rounds << 7);
  let x7 = v128.xor(v128.load(at, 0), v128.load(keys, 0));
  let x6 = v128.xor(v128.load(at, 16), v128.load(keys, 16));
  let x5 = v128.xor(v128.load(at, 32), v128.load(keys, 32));
  let x4 = v128.xor(v128.load(at, 48), v128.load(keys, 48));
  let x3 = v128.xor(v128.load(at, 64), v128.load(keys, 64));
  let x2 = v128.xor(v128.load(at, 80), v128.load(keys, 80));
  let x1 = v128.xor(v128.load(at, 96), v128.load(keys, 96));
  let x0 = v128.xor(v128.load(at, 112), v128.load(keys, 112));
  for (let key = keys + 128; ; key += 128) {
    const y14 = v128.xor(x3, x5), y13 = v128.xor(x0, x6), y9 = v128.xor(x0, x3), y8 = v128.xor(x0, x5);
    const t0 = v128.xor(x1, x2), y1 = v128.xor(t0, x7), y4 = v128.xor(y1, x3), y12 = v128.xor(y13, y14);
    const y2 = v128.xor(y1, x0), y5 = v128.xor(y1, x6), y3 = v128.xor(y5, y8), t1 = v128.xor(x4, y12);
    const y15 = v128.xor(t1, x5), y20 = v128.xor(t1, x1), y6 = v128.xor(y15, x7), y10 = v128.xor(y15, t0);
    const y11 = v128.xor(y20, y9), y7 = v128.xor(x7, y11), y17 = v128.xor(y10, y11);
    const y19 = v128.xor(y10, y8), y16 = v128.xor(t0, y11), y21 = v128.xor(y13, y16);
    const y18 = v128.xor(x0, y16), t2 = v128.and(y12, y15), t3 = v128.and(y3, y6), t4 = v128.xor(t3, t2);
    const t5 = v128.and(y4, x7), t6 = v128.xor(t5, t2), t7 = v128.and(y13, y16), t8 = v128.and(y5, y1);
    const t9 = v128.xor(t8, t7), t10 = v128.and(y2, y7), t11 = v128.xor(t10, t7), t12 = v128.and(y9, y11);
    const t13 = v128.and(y14, y17), t14 = v128.xor(t13, t12), t15 = v128.and(y8, y10);
    const t16 = v128.xor(t15, t12), t17 = v128.xor(t4, t14), t18 = v128.xor(t6, t16);
    const t19 = v128.xor(t9, t14), t20 = v128.xor(t11, t16), t21 = v128.xor(t17, y20);
    const t22 = v128.xor(t18, y19), t23 = v128.xor(t19, y21), t24 = v128.xor(t20, y18);
    const t25 = v128.xor(t21, t22), t26 = v128.and(t21, t23), t27 = v128.xor(t24, t26);
    const t28 = v128.and(t25, t27), t29 = v128.xor(t28, t22), t30 = v128.xor(t23, t24);
    const t31 = v128.xor(t22, t26), t32 = v128.and(t31, t30), t33 = v128.xor(t32, t24);
    const t34 = v128.xor(t23, t33), t35 = v128.xor(t27, t33), t36 = v128.and(t24, t35);
    const t37 = v128.xor(t36, t34), t38 = v128.xor(t27, t36), t39 = v128.and(t29, t38);
    const t40 = v128.xor(t25, t39), t41 = v128.xor(t40, t37), t42 = v128.xor(t29, t33);
    const t43 = v128.xor(t29, t40), t44 = v128.xor(t33, t37), t45 = v128.xor(t42, t41);
    const z0 = v128.and(t44, y15), z1 = v128.and(t37, y6), z2 = v128.and(t33, x7);
    const z3 = v128.and(t43, y16), z4 = v128.and(t40, y1), z5 = v128.and(t29, y7);
    const z6 = v128.and(t42, y11), z7 = v128.and(t45, y17), z8 = v128.and(t41, y10);
    const z9 = v128.and(t44, y12), z10 = v128.and(t37, y3), z11 = v128.and(t33, y4);
    const z12 = v128.and(t43, y13), z13 = v128.and(t40, y5), z14 = v128.and(t29, y2);
    const z15 = v128.and(t42, y9), z16 = v128.and(t45, y14), z17 = v128.and(t41, y8);
    const t46 = v128.xor(z15, z16), t47 = v128.xor(z10, z11), t48 = v128.xor(z5, z13);
    const t49 = v128.xor(z9, z10), t50 = v128.xor(z2, z12), t51 = v128.xor(z2, z5);
    const t52 = v128.xor(z7, z8), t53 = v128.xor(z0, z3), t54 = v128.xor(z6, z7);
    const t55 = v128.xor(z16, z17), t56 = v128.xor(z12, t48), t57 = v128.xor(t50, t53);
    const t58 = v128.xor(z4, t46), t59 = v128.xor(z3, t54), t60 = v128.xor(t46, t57);
    const t61 = v128.xor(z14, t57), t62 = v128.xor(t52, t58), t63 = v128.xor(t49, t58);
    const t64 = v128.xor(z4, t59), t65 = v128.xor(t61, t62), t66 = v128.xor(z1, t63);
    const s0 = v128.xor(t59, t63), s6 = v128.xor(t56, t62), s7 = v128.xor(t48, t60);
    const t67 = v128.xor(t64, t65), s3 = v128.xor(t53, t66), s4 = v128.xor(t51, t66);
    const s5 = v128.xor(t47, t65), s1 = v128.xor(t64, s3), s2 = v128.xor(t55, t67);
    const a0 = i8x16.swizzle(s0, rows);
    const a1 = i8x16.swizzle(s1, rows);
    const a2 = i8x16.swizzle(s2, rows);
    const a3 = i8x16.swizzle(s3, rows);
    const a4 = i8x16.swizzle(s4, rows);
    const a5 = i8x16.swizzle(s5, rows);
    const a6 = i8x16.swizzle(s6, rows);
    const a7 = i8x16.swizzle(s7, rows);
    if (key == last) {
      v128.store(at, v128.xor(a7, v128.load(key, 0)), 0);
      v128.store(at, v128.xor(a6, v128.load(key, 16)), 16);
      v128.store(at, v128.xor(a5, v128.load(key, 32)), 32);
      v128.store(at, v128.xor(a4, v128.load(key, 48)), 48);
      v128.store(at, v128.xor(a3, v128.load(key, 64)), 64);
      v128.store(at, v128.xor(a2, v128.load(key, 80)), 80);
      v128.store(at, v128.xor(a1, v128.load(key, 96)), 96);
      v128.store(at, v128.xor(a0, v128.load(key, 112)), 112);
      return;
    }
    const b0 = below(a0), c0 = v128.xor(a0, b0);
    const b1 = below(a1), c1 = v128.xor(a1, b1);
    const b2 = below(a2), c2 = v128.xor(a2, b2);
    const b3 = below(a3), c3 = v128.xor(a3, b3);
    const b4 = below(a4), c4 = v128.xor(a4, b4);
    const b5 = below(a5), c5 = v128.xor(a5, b5);
    const b6 = below(a6), c6 = v128.xor(a6, b6);
    const b7 = below(a7), c7 = v128.xor(a7, b7);
    x0 = mixed(c1, b0, c0, v128.load(key, 112));
    x1 = mixed(c2, b1, c1, v128.load(key, 96));
    x2 = mixed(c3, b2, c2, v128.load(key, 80));
    x3 = v128.xor(mixed(c4, b3, c3, v128.load(key, 64)), c0);
    x4 = v128.xor(mixed(c5, b4, c4, v128.load(key, 48)), c0);
    x5 = mixed(c6, b5, c5, v128.load(key, 32));
    x6 = v128.xor(mixed(c7, b6, c6, v128.load(key, 16)), c0);
    x7 = mixed(c0, b7, c7, v128.load(key, 0));
  }
}

function encryptEight(keys: usize, at: usize): void {
  turn(at);
  encrypt(keys, at, 10);
  turn(at);
}

/** Encrypts `count` blocks in place; count is a multiple of 8. */
export function ecb(keys: usize, at: usize, count: usize): void {
  const end = at + (count << 4);
  for (; at < end; at += 128) encryptEight(keys, at);
}

/** `count` blocks of key stream from the big-endian counter (high, low) on; count is a multiple of 8. */
export function ctr(keys: usize, high: u64, low: u64, at: usize, count: usize): void {
  const end = at + (count << 4);
  for (; at < end; at += 128) {
    for (let lane: usize = 0; lane < 128; lane += 16) {
      store<u64>(at + lane, bswap<u64>(high));
      store<u64>(at + lane, bswap<u64>(low), 8);
      low++;
      high += u64(low == 0);
    }
    encryptEight(keys, at);
  }
}

/** Planes of a round key. */
function spread(key: v128, out: usize): void {
  key = i8x16.swizzle(key, v128.load(toRows));
  for (let i = 0; i < 8; i++, out += 16) {
    const bit = i8x16.splat(<i8>1 << <i8>i);
    v128.store(out, i8x16.eq(v128.and(key, bit), bit));
  }
}

/** S-box of four equal words, which ShiftRows leaves as they are: a last round without a key. */
function subWords(words: v128): v128 {
  v128.store(room, words);
  turn(room);
  encrypt(noKeys, room, 1);
  turn(room);
  return v128.xor(v128.load(room), i8x16.splat(0x63));
}

/** The schedule of the key at `key`, `scheduleBytes`. */
export function schedule(key: usize, out: usize): void {
  const constant = i8x16.splat(0x63), zero = i32x4.splat(0);
  let words = v128.load(key);
  let roundConstant = 1;
  spread(words, out);
  for (let round: usize = 1; round <= 10; round++) {
    const last = i32x4.splat(i32x4.extract_lane(words, 3));
    const turned = v128.or(i32x4.shr_u(last, 8), i32x4.shl(last, 24));
    const next = v128.xor(subWords(turned), i32x4.splat(roundConstant));
    words = v128.xor(words, v128.shuffle<i32>(zero, words, 0, 4, 5, 6));
    words = v128.xor(words, v128.shuffle<i32>(zero, words, 0, 0, 4, 5));
    words = v128.xor(words, next);
    roundConstant = (roundConstant << 1) ^ (-(roundConstant >> 7) & 0x11b);
    spread(v128.xor(words, constant), out + (round << 7));
  }
}
