import { expect, test } from 'vitest';
import { extensionBytes, missingLeaves, SoftSpokenReceiver } from '../../../crypto/ot/extension.ts';
import type { OtReceiver, OtSender } from '../../../crypto/ot/extension.ts';
import { hashColumns } from '../../../crypto/ot/column-hash.ts';
import { sha256 } from '../../../crypto/platform/platform.ts';
import { prg } from '../../../crypto/prg.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { dealtDirection } from '../../helpers/dealt-ot.ts';
import { seededRng } from '../../helpers/rng.ts';
import { coinsZ, sixSigma } from '../../helpers/statistics.ts';

const ring = await loadRing();
const count = 300;
const choices = seededRng('choices')
  .bytes(count)
  .map((byte) => byte & 1);

const pair = (seed = 'pair', depth = 4) => dealtDirection(seededRng(seed), ring, depth);

function expectCorrelated([receiver, sender]: [OtReceiver, OtSender], depth: number): void {
  const { message, rows } = receiver.extend(choices);
  expect(message).toHaveLength(extensionBytes(count, depth));
  const expected = rows.map((word, at) => word ^ (choices[at >> 2]! * sender.delta[at & 3]!));
  expect(sender.extend(message, count)).toEqual(expected);
}

test.each([1, 2, 4, 8])('trees of depth %d: q = t xor c Delta, batch after batch', (depth) => {
  const parties = pair('depth', depth);
  for (let batch = 0; batch < 3; batch++) expectCorrelated(parties, depth);
});

test('bytes: 128 / depth bits a transfer, 128 rows for the check, and 48 bytes of proof', () => {
  expect(extensionBytes(1 << 20)).toBe(4 * (2 ** 20 + 128) + 48);
  expect(extensionBytes(1, 1)).toBe(16 * 256 + 48);
});

const bytesOf = (n: number) => (Math.ceil(n / 128) * 128 + 128) / 8;

test('a bit changed anywhere in the corrections or the proof ends the session: no row is given, then or later', () => {
  const length = extensionBytes(count);
  const inTree = (tree: number, row: number) => tree * bytesOf(count) + (row >> 3);
  const places = [inTree(0, 0), inTree(17, count - 1), inTree(31, 511), length - 48, length - 33, length - 1];
  for (const place of places) {
    const [receiver, sender] = pair();
    const { message } = receiver.extend(choices);
    message[place]! ^= 0x10;
    expect(() => sender.extend(message, count), `byte ${place}`).toThrow(ProtocolError);
    const next = receiver.extend(choices).message;
    expect(() => sender.extend(next, count)).toThrow(/caught before/);
  }
});

/**
 * The attack that read Delta from IKNP bit by bit: other choices in one tree. The receiver's best proof
 * assumes Delta's bits there; what it learns is whether the guess was right, and a wrong one costs the
 * session.
 */
test('other choices for one tree pass for one of 16 guesses of Delta there, and for the right one', () => {
  const tree = 5;
  const passing = Array.from({ length: 16 }, (_, guess) => guess).filter((guess) => {
    return passes(pair('attack'), forgedMessage('attack', tree, guess));
  });
  expect(passing).toEqual([missingLeaves(bitsOf(pair('attack')[1].delta))[tree]]);
});

function passes([, sender]: [OtReceiver, OtSender], message: Uint8Array): boolean {
  try {
    sender.extend(message, count);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return false;
  }
}

/** The parties' dealt material of `dealtDirection`, drawn again in its order. */
function dealt(seed: string) {
  const rng = seededRng(seed);
  const trees = Array.from({ length: 32 }, () => Array.from({ length: 16 }, () => rng.bytes(16)));
  rng.bytes(128);
  return { trees, transcript: rng.bytes(32), rng };
}

function bitsOf(words: Uint32Array): Uint8Array {
  return Uint8Array.from({ length: 32 * words.length }, (_, i) => (words[i >> 5]! >>> (i & 31)) & 1);
}

/**
 * An honest message with all choices of `tree` flipped and the proof that fits if Delta's bits there are
 * `guess`.
 */
function forgedMessage(seed: string, tree: number, guess: number): Uint8Array {
  const { trees, transcript } = dealt(seed);
  const [receiver] = pair(seed);
  const { message } = receiver.extend(choices);
  const bytes = bytesOf(count);
  const forged = message.slice();
  for (let i = 0; i < bytes; i++) forged[tree * bytes + i]! ^= 0xff;
  const corrections = forged.subarray(0, 32 * bytes);
  const domain = new TextEncoder().encode('reluctant OT extension 3');
  const key = sha256(domain, transcript, new Uint8Array(8), corrections).subarray(0, 16);
  const linear = (data: Uint8Array) => hashColumns(key, data, 1, ring);
  // The packed choices: tree 0's correction less the sum of its leaves.
  const sums = trees.map((leaves) => ring.leafSums(leaves.map((leaf) => prg(leaf).bytes(bytes))));
  const packed = xor(message.subarray(0, bytes), sums[0]!.total);
  const error = linear(new Uint8Array(bytes).fill(0xff));
  const hashes = sums.flatMap(({ columns }, i) =>
    [0, 1, 2, 3].map((j) => {
      const honest = linear(columns.subarray(j * bytes, (j + 1) * bytes));
      return i === tree && (guess >> j) & 1 ? xor(honest, error) : honest;
    }),
  );
  forged.set(linear(packed), 32 * bytes);
  forged.set(sha256(...hashes), 32 * bytes + 16);
  return forged;
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(a, (byte, i) => byte ^ b[i]!);
}

test('a message that comes again, a shorter one and one of another session are refused', () => {
  const [receiver, sender] = pair();
  const { message } = receiver.extend(choices);
  sender.extend(message, count);
  expect(() => sender.extend(message, count)).toThrow(ProtocolError);
  const [other] = pair('other');
  const [, fresh] = pair();
  expect(() => fresh.extend(message.subarray(16), count)).toThrow(/expected 2096 bytes for 300 transfers/);
  expect(() => fresh.extend(other.extend(choices).message, count)).toThrow(/not the same for all trees/);
});

/**
 * Rows i and j of a receiver that draws each tree's leaves until both rows carry the same bits there: some 16
 * tries a tree.
 */
test('a receiver that grinds its trees for two equal rows gets rows, and so keys, that differ', () => {
  const [i, j] = [3, 250];
  const rng = seededRng('grind');
  const bytes = bytesOf(count);
  const bitAt = (column: Uint8Array, row: number) => (column[row >> 3]! >> (row & 7)) & 1;
  const sumsOf = (leaves: readonly Uint8Array[]) =>
    ring.leafSums(leaves.map((leaf) => prg(leaf).bytes(bytes))).columns;
  const isEqual = (columns: Uint8Array) =>
    [0, 1, 2, 3].every((k) => {
      const column = columns.subarray(k * bytes, (k + 1) * bytes);
      return bitAt(column, i) === bitAt(column, j);
    });
  const trees = Array.from({ length: 32 }, () => {
    for (;;) {
      const leaves = Array.from({ length: 16 }, () => rng.bytes(16));
      if (isEqual(sumsOf(leaves))) return leaves;
    }
  });
  const receiver = new SoftSpokenReceiver(trees, rng.bytes(32), rng.bytes(16), ring, rng);
  const { rows } = receiver.extend(choices);
  const row = (n: number) => rows.slice(4 * n, 4 * n + 4);
  expect(row(i)).not.toEqual(row(j));
  const keys = receiver.keys(rows);
  expect(keys[i]).not.toBe(keys[j]);
});

test('the hash of the choices tells nothing of them; planted: without rows for the check it is zero for zero choices', () => {
  const proofs = (stuck: boolean) => {
    const { trees, transcript, rng } = dealt('proofs');
    const rows = stuck ? { bytes: (n: number) => new Uint8Array(n) } : rng;
    const receiver = new SoftSpokenReceiver(trees, transcript, rng.bytes(16), ring, rows);
    return Array.from({ length: 200 }, () => {
      const { message } = receiver.extend(new Uint8Array(128));
      return new Uint32Array(message.slice(-48, -32).buffer);
    });
  };
  const all = (words: readonly Uint32Array[]) => Uint32Array.from(words.flatMap((own) => [...own]));
  expect(coinsZ(bitsOf(all(proofs(false))))).toBeLessThan(sixSigma);
  expect(all(proofs(true)).every((word) => word === 0)).toBe(true);
});
