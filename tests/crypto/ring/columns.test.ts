import { beforeEach, expect, test } from 'vitest';
import { loadColumns } from '../../../crypto/ring/columns.ts';
import { seededRng } from '../../helpers/rng.ts';

const columns = await loadColumns();
const bytes = 80; // more than a cache line, and no multiple of one
const first = 3;

// Whatever the memory held before must not show.
beforeEach(() => {
  columns.start(bytes, 4);
  columns.columns.fill(0xa5);
  columns.totals(0, 4).fill(0x5a);
});

const xor = (parts: readonly Uint8Array[]) =>
  parts.reduce((total, part) => total.map((byte, i) => byte ^ part[i]!), new Uint8Array(bytes));
const column = (j: number) => columns.columns.slice(bytes * (first + j), bytes * (first + j + 1));
const leavesOf = (depth: number) => {
  const rng = seededRng(depth);
  return Array.from({ length: 2 ** depth }, () => rng.bytes(bytes));
};
const withBit = (leaves: readonly Uint8Array[], j: number) => leaves.filter((_, x) => (x >> j) & 1);

test.each([1, 2, 3, 4, 5, 6, 7, 8])('sums of a tree of depth %d, leaf by leaf', (depth) => {
  const leaves = leavesOf(depth);
  const write = (leaf: number, to: Uint8Array) => to.set(leaves[leaf]!);
  columns.sum(0, first, depth, write);
  const total = xor(leaves);
  expect(columns.totals(0, 1)).toEqual(total);
  for (let j = 0; j < depth; j++) expect(column(j)).toEqual(xor(withBit(leaves, j)));
  // Beside the tree's columns nothing was written.
  for (const j of [-1, depth]) expect(column(j)).toEqual(new Uint8Array(bytes).fill(0xa5));
  columns.sum(2, first, depth, (leaf, to) => to.set(leaves[leaf ^ 1]!));
  expect(columns.totals(2, 1), 'with the total of the first tree').toEqual(new Uint8Array(bytes));
  expect(column(0)).toEqual(xor([total, xor(withBit(leaves, 0))]));
});

test.each([1, 3, 4, 6, 8])(
  'corrected sums of a tree of depth %d: columns take the total under a mask',
  (depth) => {
    const leaves = leavesOf(depth);
    const correction = seededRng('correction').bytes(bytes);
    const masks = 0b10110101 & (2 ** depth - 1);
    columns.totals(1, 1).set(correction);
    columns.sumCorrected(1, first, depth, (leaf, to) => to.set(leaves[leaf]!), masks);
    for (let j = 0; j < depth; j++) {
      const own = xor(withBit(leaves, j));
      expect(column(j)).toEqual((masks >> j) & 1 ? xor([own, correction]) : own);
    }
    expect(columns.totals(1, 1), 'the correction stays').toEqual(correction);
  },
);

test('rows: bit j of row i is bit i of column j, and row i takes x^i times the factor', () => {
  const rng = seededRng('rows');
  columns.columns.set(rng.bytes(128 * bytes));
  const all = columns.columns.slice();
  const factor = rng.bytes(16);
  const number = (own: Uint8Array) => own.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const count = 8 * bytes;
  const words = columns.rows(count, factor);
  expect(words).toHaveLength(4 * count);
  let power = number(factor);
  for (let i = 0; i < count; i++) {
    let expected = power;
    for (let j = 0; j < 128; j++)
      if ((all[j * bytes + (i >> 3)]! >> (i & 7)) & 1) expected ^= 1n << BigInt(j);
    const row = number(new Uint8Array(words.buffer, 16 * i, 16));
    if (row !== expected) expect.fail(`row ${i}`);
    power <<= 1n;
    if (power >> 128n) power ^= (1n << 128n) | 0x87n;
  }
  expect(columns.rows(5, factor)).toEqual(words.subarray(0, 20));
});

test('columns are whole blocks of 16 bytes', () => {
  expect(() => columns.start(24, 2)).toThrow(RangeError);
});
