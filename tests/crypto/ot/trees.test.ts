import { expect, test } from 'vitest';
import { growTrees, punctureTrees, treesBytes } from '../../../crypto/ot/trees.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { seededRng } from '../../helpers/rng.ts';

const depth = 4;
const leaves = 2 ** depth;

/** Base transfers of one tree, and the keys of the sides that the path to alpha leaves. */
function transfers(alpha: number) {
  const rng = seededRng('pairs');
  const pairs = Array.from({ length: depth }, () => [rng.bytes(16), rng.bytes(16)] as const);
  const keys = pairs.map((pair, level) => pair[((alpha >> (depth - 1 - level)) & 1) ^ 1]!);
  return { pairs, keys };
}

const alphas = Array.from({ length: leaves }, (_, alpha) => alpha);
const name = seededRng('name').bytes(32);
const grown = growTrees(name, [depth], transfers(0).pairs, seededRng('tree'));
const puncture = (alpha: number, message: Uint8Array) =>
  punctureTrees(name, [depth], transfers(alpha).keys, [alpha], message)[0]!;

/** Who is caught by a message with this byte changed, by alpha. */
const caughtBy = (at: number) => {
  const forged = grown.message.slice();
  forged[at]! ^= 1;
  return alphas.filter((alpha) => {
    try {
      puncture(alpha, forged);
      return false;
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
      return true;
    }
  });
};

test.each(alphas)('every leaf but number %d, and that one is not there', (alpha) => {
  const found = puncture(alpha, grown.message);
  expect(found).toHaveLength(leaves);
  for (const [x, leaf] of found.entries()) {
    if (x === alpha) expect(leaf).toHaveLength(0);
    else expect(leaf).toEqual(grown.leaves[0]![x]);
  }
  expect(new Set(grown.leaves[0]!.map((leaf) => leaf.toString())).size).toBe(leaves);
});

test('a wrong sum is caught by those who take that side, half of the alphas; nobody is caught by the right ones', () => {
  for (let level = 0; level < depth; level++) {
    for (const side of [0, 1]) {
      const takers = alphas.filter((alpha) => ((alpha >> (depth - 1 - level)) & 1) !== side);
      expect(caughtBy(16 * (2 * level + side))).toEqual(takers);
    }
  }
});

test('a wrong sum of tags or a wrong hash is caught by all', () => {
  expect(caughtBy(32 * depth)).toEqual(alphas);
  expect(caughtBy(32 * depth + 32)).toEqual(alphas);
});

test('several trees in one message are independent, of any depths, and one bad tree of them is enough', () => {
  const rng = seededRng('several');
  const depths = [3, 4, 1];
  const chosen = [3, 15, 0];
  const pairs = depths.flatMap((own) =>
    Array.from({ length: own }, () => [rng.bytes(16), rng.bytes(16)] as const),
  );
  const sides = depths.flatMap((own, tree) =>
    Array.from({ length: own }, (_, level) => ((chosen[tree]! >> (own - 1 - level)) & 1) ^ 1),
  );
  const keys = pairs.map((pair, i) => pair[sides[i]!]!);
  const { message, leaves: all } = growTrees(name, depths, pairs, rng);
  const found = punctureTrees(name, depths, keys, chosen, message);
  expect(found.map((own) => own.length)).toEqual([8, 16, 2]);
  found.forEach((own, tree) =>
    own.forEach((leaf, x) => x !== chosen[tree] && expect(leaf).toEqual(all[tree]![x])),
  );
  message[message.length - 1]! ^= 1;
  expect(() => punctureTrees(name, depths, keys, chosen, message)).toThrow(
    /OT trees: expected the sums of one tree each/,
  );
});

test('the sums of tags tell no sum of seeds, and another direction has other leaves of the same root', () => {
  const total = (parts: readonly Uint8Array[]) =>
    parts.reduce((sum, part) => sum.map((byte, i) => byte ^ part[i]!), new Uint8Array(16));
  const sum = Buffer.from(total(grown.leaves[0]!));
  expect(Buffer.from(grown.message).includes(sum)).toBe(false);
  const elsewhere = growTrees(
    seededRng('another name').bytes(32),
    [depth],
    transfers(0).pairs,
    seededRng('tree'),
  );
  for (const [x, leaf] of grown.leaves[0]!.entries()) expect(elsewhere.leaves[0]![x]).not.toEqual(leaf);
});

test('a message of another length is refused', () => {
  const { keys } = transfers(0);
  expect(grown.message).toHaveLength(treesBytes([depth]));
  expect(() => punctureTrees(name, [depth], keys, [0], grown.message.subarray(1))).toThrow(ProtocolError);
});
