import { expect, test } from 'vitest';
import { depthsOf } from '../../../crypto/ot/blocks.ts';
import { drawDelta, leavingSides, missingLeaves } from '../../../crypto/ot/delta.ts';
import { growTrees, punctureTrees } from '../../../crypto/ot/trees.ts';
import { seededRng } from '../../helpers/rng.ts';

test.each([1, 3, 4, 5, 8])(
  'trees of depth %d: the sides that are taken give all leaves but those of Delta',
  (depth) => {
    const rng = seededRng(`delta ${depth}`);
    const name = rng.bytes(32);
    const delta = drawDelta(rng);
    const pairs = Array.from({ length: 128 }, () => [rng.bytes(16), rng.bytes(16)] as const);
    const keys = [...leavingSides(delta, depth)].map((side, i) => pairs[i]![side]!);
    const { message, leaves } = growTrees(name, depthsOf(depth), pairs, rng);
    const missing = missingLeaves(delta, depth);
    const found = punctureTrees(name, depthsOf(depth), keys, missing, message);
    found.forEach((own, tree) =>
      own.forEach((leaf, x) =>
        expect(leaf).toEqual(x === missing[tree] ? new Uint8Array() : leaves[tree]![x]),
      ),
    );
    // Column by column the bits of the leaves' numbers are those of Delta.
    const bits = depthsOf(depth).flatMap((own, tree) =>
      Array.from({ length: own }, (_, j) => (missing[tree]! >> j) & 1),
    );
    expect(Uint8Array.from(bits)).toEqual(delta);
  },
);

test('Delta: 127 fair bits, the lowest 1, another each time', () => {
  const rng = seededRng('deltas');
  const drawn = Array.from({ length: 1000 }, () => drawDelta(rng));
  expect(drawn.every((bits) => bits.length === 128 && bits[0] === 1)).toBe(true);
  expect(new Set(drawn.map(String)).size).toBe(1000);
  for (let j = 1; j < 128; j++) {
    const ones = drawn.reduce((sum, bits) => sum + bits[j]!, 0);
    expect(Math.abs(ones - 500), `bit ${j}`).toBeLessThan(6 * Math.sqrt(250));
  }
});
