// Correlated trees and the local linear code of silent transfers, in AssemblyScript with SIMD. Pointers are
// byte offsets into the imported memory. A row is 16 bytes, and its bit 0 is the choice.
//
// A tree's nodes x have the children left = H(x) and right = x + H(x), H(x) = AES(s) + s with s = sigma(x)
// (Guo, Yang, Wang, Zhang, Xie, Liu, Zhao, 'Half-Tree', EUROCRYPT 2023), so that both children add up to
// their parent. Nodes are kept as s, which the cipher wants next: sigma(lo, hi) = (hi, lo + hi). The node at
// `place` of tree `tree`, of `trees` trees in work, is number place * trees + tree. A level's new bit is the
// top bit of the place: left children stay where their parent was, right ones are appended.
//
// No branch and no address depends on a secret, but the hole's place and the sides that it names, which only
// the party that punctures has, and which the other cannot time: it gets one answer for all trees together.

/** The first byte that the wrapper may use. */
export function heapBase(): usize {
  return __heap_base;
}

// @ts-ignore: decorator
@inline
function swapped(x: v128): v128 {
  return v128.shuffle<i64>(x, x, 1, 0);
}

// @ts-ignore: decorator
@inline
function sigma(x: v128): v128 {
  return v128.xor(swapped(x), v128.and(x, i64x2(0, -1)));
}

// @ts-ignore: decorator
@inline
function unsigma(s: v128): v128 {
  return v128.xor(swapped(s), v128.and(s, i64x2(-1, 0)));
}

/** Rows to nodes. */
export function nodesOf(rows: usize, count: usize, out: usize): void {
  for (let at: usize = 0; at < count << 4; at += 16) v128.store(out + at, sigma(v128.load(rows + at)));
}

/**
 * The children of `places` places of nodes, whose encryption is at `encrypted`. Sums of the left ones, by
 * tree, go to `sums`.
 */
export function grow(nodes: usize, encrypted: usize, places: usize, trees: usize, sums: usize): void {
  const width = trees << 4, up = places * width;
  memory.fill(sums, 0, width);
  for (let place: usize = 0, p = nodes, e = encrypted; place < places; place++) {
    for (let i: usize = 0; i < width; i += 16, p += 16, e += 16) {
      const s = v128.load(p), left = v128.xor(v128.load(e), s);
      v128.store(p, sigma(left));
      v128.store(p + up, sigma(v128.xor(unsigma(s), left)));
      v128.store(sums + i, v128.xor(v128.load(sums + i), left));
    }
  }
}

/** The same for the last level: leaves with bit 0 cleared, as rows, to `out`. */
export function leaves(
  nodes: usize, encrypted: usize, places: usize, trees: usize, sums: usize, out: usize,
): void {
  const width = trees << 4, up = places * width, mask = i64x2(-2, -1);
  memory.fill(sums, 0, width);
  for (let place: usize = 0, p = nodes, e = encrypted, o = out; place < places; place++) {
    for (let i: usize = 0; i < width; i += 16, p += 16, e += 16, o += 16) {
      const s = v128.load(p), whole = v128.xor(v128.load(e), s);
      const left = v128.and(whole, mask);
      v128.store(o, left);
      v128.store(o + up, v128.and(v128.xor(unsigma(s), whole), mask));
      v128.store(sums + i, v128.xor(v128.load(sums + i), left));
    }
  }
}

/**
 * The corrections of a level: row + sum of the left children. The row of (tree, level) is number tree *
 * depth + level.
 */
export function correct(rows: usize, depth: usize, level: usize, trees: usize, sums: usize, out: usize): void {
  for (let i: usize = 0; i < trees; i++) {
    const row = v128.load(rows + ((i * depth + level) << 4));
    v128.store(out + (i << 4), v128.xor(row, v128.load(sums + (i << 4))));
  }
}

/**
 * Level 0 of whoever punctures: the child that the row's choice names is correction + row, the other is the
 * hole. `known` gets the sum of all nodes known of each tree, `holes` the place of its hole.
 */
export function startPunctured(
  nodes: usize, trees: usize, rows: usize, depth: usize, corrections: usize, known: usize, holes: usize,
): void {
  for (let i: usize = 0; i < trees; i++) {
    const at = i << 4, row = v128.load(rows + ((i * depth) << 4));
    const side = <usize>(i64x2.extract_lane(row, 0) & 1);
    const node = v128.xor(v128.load(corrections + at), row);
    v128.store(nodes + ((side * trees) << 4) + at, sigma(node));
    v128.store(nodes + (((1 - side) * trees) << 4) + at, i64x2.splat(0));
    v128.store(known + at, node);
    store<u32>(holes + (i << 2), 1 - <u32>side);
  }
}

/**
 * Mends a level that `grow` or `leaves` made with 0 in the hole, whose children are then `ofZero` = H(0)
 * each. The child beside the path comes from the correction, the one on the path becomes 0; of the last
 * level it becomes the sum of all the others with bit 0 set, which is the sender's leaf + Delta.
 */
export function mend(
  nodes: usize, places: usize, trees: usize, rows: usize, depth: usize, level: usize, corrections: usize,
  sums: usize, known: usize, holes: usize, ofZero: usize, last: bool,
): void {
  const mask = last ? i64x2(-2, -1) : i64x2(-1, -1);
  const h = v128.and(v128.load(ofZero), mask);
  for (let i: usize = 0; i < trees; i++) {
    const at = i << 4, row = v128.load(rows + ((i * depth + level) << 4));
    const side = <usize>(i64x2.extract_lane(row, 0) & 1);
    const sum = v128.and(v128.xor(v128.load(corrections + at), row), mask);
    let all = v128.and(v128.load(known + at), mask);
    const left = v128.load(sums + at);
    const seen = v128.xor(side ? v128.xor(all, left) : left, h);
    const node = v128.xor(sum, seen);
    all = v128.xor(all, node);
    v128.store(known + at, all);
    const hole = <usize>load<u32>(holes + (i << 2));
    const next = hole + (1 - side) * places;
    store<u32>(holes + (i << 2), <u32>next);
    v128.store(nodes + (((hole + side * places) * trees) << 4) + at, last ? node : sigma(node));
    v128.store(nodes + ((next * trees) << 4) + at, last ? v128.xor(all, i64x2(1, 0)) : i64x2.splat(0));
  }
}

// @ts-ignore: decorator
@inline
function entry(table: usize, word: u64, shift: u64): v128 {
  return v128.load(table + <usize>(((word >> shift) & 0xffff) << 4));
}

/**
 * The code: each of an even number of rows at `out` takes ten rows of `table`, named by 20 bytes of indices
 * under `mask`.
 */
export function encode(out: usize, table: usize, indices: usize, count: usize, mask: u64): void {
  const m: u64 = mask | (mask << 16) | (mask << 32) | (mask << 48);
  for (let i: usize = 0; i < count; i += 2, out += 32, indices += 40) {
    const a = load<u64>(indices) & m, b = load<u64>(indices, 8) & m, c = load<u64>(indices, 16) & m;
    const d = load<u64>(indices, 24) & m, e = load<u64>(indices, 32) & m;
    let x = v128.xor(v128.load(out), entry(table, a, 0));
    let x1 = v128.xor(entry(table, a, 16), entry(table, a, 32));
    let x2 = v128.xor(entry(table, a, 48), entry(table, b, 0));
    let y = v128.xor(v128.load(out, 16), entry(table, c, 32));
    let y1 = v128.xor(entry(table, c, 48), entry(table, d, 0));
    let y2 = v128.xor(entry(table, d, 16), entry(table, d, 32));
    x = v128.xor(x, v128.xor(entry(table, b, 16), entry(table, b, 32)));
    x1 = v128.xor(x1, v128.xor(entry(table, b, 48), entry(table, c, 0)));
    x2 = v128.xor(x2, entry(table, c, 16));
    y = v128.xor(y, v128.xor(entry(table, d, 48), entry(table, e, 0)));
    y1 = v128.xor(y1, v128.xor(entry(table, e, 16), entry(table, e, 32)));
    y2 = v128.xor(y2, entry(table, e, 48));
    v128.store(out, v128.xor(x, v128.xor(x1, x2)));
    v128.store(out, v128.xor(y, v128.xor(y1, y2)), 16);
  }
}

/** Bit 0 of `count` rows, a multiple of 8, as packed bits. */
export function choices(rows: usize, count: usize, out: usize): void {
  for (let i: usize = 0; i < count; i += 8, rows += 128) {
    let byte: u32 = 0;
    for (let j: usize = 0; j < 8; j++) byte |= (<u32>load<u8>(rows + (j << 4)) & 1) << <u32>j;
    store<u8>(out + (i >> 3), <u8>byte);
  }
}

/** Row i of `count` rows takes x^i (low + 2^64 high), in GF(2)[x] / (x^128 + x^7 + x^2 + x + 1). */
export function differ(rows: usize, count: usize, low: u64, high: u64): void {
  for (let i: usize = 0; i < count; i++, rows += 16) {
    store<u64>(rows, load<u64>(rows) ^ low);
    store<u64>(rows, load<u64>(rows, 8) ^ high, 8);
    const over: u64 = 0 - (high >> 63);
    high = (high << 1) | (low >> 63);
    low = (low << 1) ^ (over & 0x87);
  }
}
