/**
 * AES-128 by vector permutations: M. Hamburg, 'Accelerating AES with Vector Permute Instructions' (CHES 2009).
 * A byte is inverted in GF(2^4)^2 by look-ups within registers, so no address depends on a key or on data.
 * The tables lie in memory because V8 makes a constant anew in every round: 2.7 times slower.
 *
 * A schedule is 11 round keys in the permuted basis; the bytes of round r are rotated by r & 3, which is
 * ShiftRows put off to the end.
 */
export function heapBase(): usize {
  return __heap_base;
}

const nibble = memory.data<u64>([0x0f0f0f0f0f0f0f0f, 0x0f0f0f0f0f0f0f0f]);
const inverse = memory.data<u64>([0x0e05060f0d080180, 0x040703090a0b0c02]);
const inverseA = memory.data<u64>([0x01040a060f0b0780, 0x030d0e0c02050809]);
/** The change of basis of low and high nibbles. */
const inputLow = memory.data<u64>([0xc2b2e8985a2a7000, 0xcabae09052227808]);
const inputHigh = memory.data<u64>([0x4c01307d317c4d00, 0xcd80b1fcb0fdcc81]);
/** S-box, times 1 and times 2, and that of the last round, which changes the basis back. */
const once0 = memory.data<u64>([0xb19be18fcb503e00, 0xa5df7a6e142af544]);
const once1 = memory.data<u64>([0x3618d415fae22300, 0x3bf7ccc10d2ed9ef]);
const twice0 = memory.data<u64>([0xe27a93c60b712400, 0x5eb7e955bc982fcd]);
const twice1 = memory.data<u64>([0x69eb88400ae12900, 0xc2a163c8ab82234a]);
const last0 = memory.data<u64>([0xd0d26d176fbdc700, 0x15aabf7ac502a878]);
const last1 = memory.data<u64>([0xcfe474a55fbb6a00, 0x8e1e90d1412b35fa]);
/** MixColumns' rotations, forward and backward, one for each r & 3. */
const forward = memory.data<u64>([
  0x0407060500030201, 0x0c0f0e0d080b0a09, 0x080b0a0904070605, 0x000302010c0f0e0d, 0x0c0f0e0d080b0a09,
  0x0407060500030201, 0x000302010c0f0e0d, 0x080b0a0904070605,
]);
const backward = memory.data<u64>([
  0x0605040702010003, 0x0e0d0c0f0a09080b, 0x020100030e0d0c0f, 0x0a09080b06050407, 0x0e0d0c0f0a09080b,
  0x0605040702010003, 0x0a09080b06050407, 0x020100030e0d0c0f,
]);
/** ShiftRows, r & 3 times. */
const shiftRows = memory.data<u64>([
  0x0706050403020100, 0x0f0e0d0c0b0a0908, 0x030e09040f0a0500, 0x0b06010c07020d08, 0x0f060d040b020900,
  0x070e050c030a0108, 0x0b0e0104070a0d00, 0x0306090c0f020508,
]);

// @ts-ignore: decorator
@inline
function lookUp(table: usize, indices: v128): v128 {
  return i8x16.swizzle(v128.load(table), indices);
}

// @ts-ignore: decorator
@inline
function lowNibbles(x: v128): v128 {
  return v128.and(x, v128.load(nibble));
}

// @ts-ignore: decorator
@inline
function highNibbles(x: v128): v128 {
  return i32x4.shr_u(v128.andnot(x, v128.load(nibble)), 4);
}

// @ts-ignore: decorator
@inline
function toBasis(x: v128): v128 {
  return v128.xor(lookUp(inputLow, lowNibbles(x)), lookUp(inputHigh, highNibbles(x)));
}

/** S-box, MixColumns and the round key. */
// @ts-ignore: decorator
@inline
function middle(x: v128, key: v128, turn: usize): v128 {
  const high = highNibbles(x);
  const sum = v128.xor(lowNibbles(x), high);
  const a = lookUp(inverseA, lowNibbles(x));
  const p = v128.xor(lookUp(inverse, v128.xor(lookUp(inverse, high), a)), sum);
  const q = v128.xor(lookUp(inverse, v128.xor(lookUp(inverse, sum), a)), high);
  const one = v128.xor(v128.xor(lookUp(once0, p), key), lookUp(once1, q));
  const two = v128.xor(lookUp(twice0, p), lookUp(twice1, q));
  const ahead = v128.load(forward + turn);
  const mixed = v128.xor(two, i8x16.swizzle(one, ahead));
  return v128.xor(
    v128.xor(mixed, i8x16.swizzle(one, v128.load(backward + turn))),
    i8x16.swizzle(mixed, ahead),
  );
}

/** S-box and the last round key; the caller shifts the rows. */
// @ts-ignore: decorator
@inline
function final(x: v128, key: v128): v128 {
  const high = highNibbles(x);
  const sum = v128.xor(lowNibbles(x), high);
  const a = lookUp(inverseA, lowNibbles(x));
  const p = v128.xor(lookUp(inverse, v128.xor(lookUp(inverse, high), a)), sum);
  const q = v128.xor(lookUp(inverse, v128.xor(lookUp(inverse, sum), a)), high);
  return v128.xor(v128.xor(lookUp(last0, p), key), lookUp(last1, q));
}

/** Encrypts four blocks at `at` in place: four at once, so that a processor's units are not idle. */
// @ts-ignore: decorator
@inline
function encryptFour(keys: usize, at: usize): void {
  let key = v128.load(keys);
  let x0 = v128.xor(toBasis(v128.load(at)), key);
  let x1 = v128.xor(toBasis(v128.load(at, 16)), key);
  let x2 = v128.xor(toBasis(v128.load(at, 32)), key);
  let x3 = v128.xor(toBasis(v128.load(at, 48)), key);
  for (let round: usize = 1; round < 10; round++) {
    const turn = (round & 3) << 4;
    key = v128.load(keys + (round << 4));
    x0 = middle(x0, key, turn);
    x1 = middle(x1, key, turn);
    x2 = middle(x2, key, turn);
    x3 = middle(x3, key, turn);
  }
  key = v128.load(keys, 160);
  const rows = v128.load(shiftRows, 32);
  v128.store(at, i8x16.swizzle(final(x0, key), rows));
  v128.store(at, i8x16.swizzle(final(x1, key), rows), 16);
  v128.store(at, i8x16.swizzle(final(x2, key), rows), 32);
  v128.store(at, i8x16.swizzle(final(x3, key), rows), 48);
}

/** Encrypts `count` blocks in place; count is a multiple of 4. */
export function ecb(keys: usize, at: usize, count: usize): void {
  const end = at + (count << 4);
  for (; at < end; at += 64) encryptFour(keys, at);
}

/** `count` blocks of key stream from the big-endian counter (high, low) on; count is a multiple of 4. */
export function ctr(keys: usize, high: u64, low: u64, at: usize, count: usize): void {
  const end = at + (count << 4);
  for (; at < end; at += 64) {
    for (let lane: usize = 0; lane < 64; lane += 16) {
      store<u64>(at + lane, bswap<u64>(high));
      store<u64>(at + lane, bswap<u64>(low), 8);
      low++;
      high += u64(low == 0);
    }
    encryptFour(keys, at);
  }
}

// @ts-ignore: decorator
@inline
function subBytes(x: v128): v128 {
  return v128.xor(final(toBasis(x), i64x2.splat(0)), i8x16.splat(0x63));
}

// @ts-ignore: decorator
@inline
function expand(key: v128, roundConstant: i32): v128 {
  const word = v128.shuffle<i8>(key, key, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12);
  const zero = i32x4.splat(0);
  key = v128.xor(key, v128.shuffle<i32>(zero, key, 0, 4, 5, 6));
  key = v128.xor(key, v128.shuffle<i32>(zero, key, 0, 0, 4, 5));
  return v128.xor(key, v128.xor(subBytes(word), i32x4.splat(roundConstant)));
}

/** The schedule of the key at `key`, 176 bytes. */
export function schedule(key: usize, out: usize): void {
  const constant = i8x16.splat(0x63);
  let words = v128.load(key);
  let roundConstant = 1;
  v128.store(out, toBasis(words));
  for (let round: usize = 1; round < 10; round++) {
    words = expand(words, roundConstant);
    roundConstant = (roundConstant << 1) ^ (-(roundConstant >> 7) & 0x11b);
    const ahead = v128.load(forward);
    const once = i8x16.swizzle(v128.xor(toBasis(words), toBasis(constant)), ahead);
    const twice = i8x16.swizzle(once, ahead);
    const sum = v128.xor(v128.xor(once, twice), i8x16.swizzle(twice, ahead));
    v128.store(out + (round << 4), i8x16.swizzle(sum, v128.load(shiftRows + ((-round & 3) << 4))));
  }
  words = v128.xor(expand(words, roundConstant), constant);
  v128.store(out, i8x16.swizzle(words, v128.load(shiftRows, 32)), 160);
}
