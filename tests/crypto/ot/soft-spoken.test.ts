import { expect, test } from 'vitest';
import { columnBytes, depthsOf, proofBytes } from '../../../crypto/ot/blocks.ts';
import { hashColumns } from '../../../crypto/ot/column-hash.ts';
import { missingLeaves } from '../../../crypto/ot/delta.ts';
import { challenge, checkBlock, choosingSeeds, drawBlock } from '../../../crypto/ot/soft-spoken.ts';
import type { ChoosingSeeds } from '../../../crypto/ot/soft-spoken.ts';
import { aesEcb, sha256 } from '../../../crypto/platform/platform.ts';
import { loadColumns } from '../../../crypto/ring/columns.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { dealtSeeds } from '../../helpers/protocol/dealt-ot.ts';
import { seededRng } from '../../helpers/rng.ts';
import { coinsZ, residuesZ, sixSigma } from '../../helpers/statistics.ts';

/** The two local halves of a block, honest and not. */
const columns = await loadColumns();
const place = { block: 0, at: 0, rows: 256 };
const bytes = columnBytes(place.rows);

const dealt = (name: string, depth = 4) => dealtSeeds(seededRng(name), depth);
const xor = (a: Uint8Array, b: Uint8Array) => Uint8Array.from(a, (byte, i) => byte ^ b[i]!);
const bitOf = (bits: Uint8Array, i: number) => (bits[i >> 3]! >> (i & 7)) & 1;
const bitsOf = (packed: Uint8Array) =>
  Uint8Array.from({ length: 8 * packed.length }, (_, i) => bitOf(packed, i));

function refuses({ offering }: ReturnType<typeof dealt>, message: Uint8Array, at = place): boolean {
  try {
    checkBlock(columns, offering, at, message);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return true;
  }
}

/** What the party that chooses knows of a block beside what it keeps: all its columns, and all choices. */
function drawnWithColumns(seeds: ChoosingSeeds) {
  const drawn = drawBlock(columns, seeds, place);
  return { ...drawn, t: columns.columns.slice(), c: columns.totals(0, 1).slice() };
}

type Drawn = ReturnType<typeof drawnWithColumns>;

/**
 * The honest message with `error` added to the choices of tree `tree`, at least 1, and the proof that fits if
 * Delta's bits there are `guess`.
 */
function forged(
  seeds: ChoosingSeeds,
  { message, t, c }: Drawn,
  tree: number,
  error: Uint8Array,
  guess: number,
) {
  const depths = depthsOf(seeds.depth);
  const result = message.slice();
  const from = (tree - 1) * bytes;
  result.set(xor(result.subarray(from, from + bytes), error), from);
  const corrections = result.subarray(0, (depths.length - 1) * bytes);
  const { key } = challenge(seeds.transcript, place.block, corrections);
  const hashes = hashColumns(key, t, 128, columns);
  const wrong = hashColumns(key, error, 1, columns);
  const first = depths.slice(0, tree).reduce((sum, own) => sum + own, 0);
  for (let j = 0; j < depths[tree]!; j++) {
    const own = hashes.subarray(16 * (first + j), 16 * (first + j + 1));
    if ((guess >> j) & 1) own.set(xor(own, wrong));
  }
  result.set(hashColumns(key, c, 1, columns), corrections.length);
  result.set(sha256(hashes), corrections.length + 16);
  return result;
}

test.each([1, 3, 4, 8])(
  'depth %d: a bit changed in any tree, at either end, or in the proof is refused',
  (depth) => {
    const parties = dealt('spoiled', depth);
    const { message } = drawBlock(columns, parties.choosing, place);
    const missing = missingLeaves(parties.offering.deltaBits, depth);
    expect(refuses(parties, message)).toBe(false);
    for (let tree = 1; tree < missing.length; tree++) {
      for (const byte of [0, place.rows / 8 - 1, bytes - 1]) {
        const spoiled = message.slice();
        spoiled[(tree - 1) * bytes + byte]! ^= 0x10;
        // It changes the challenge, so that also where Delta is zero the proof no longer fits.
        expect(refuses(parties, spoiled), `tree ${tree}, byte ${byte}`).toBe(true);
      }
    }
    for (let byte = message.length - proofBytes; byte < message.length; byte++) {
      const spoiled = message.slice();
      spoiled[byte]! ^= 0x10;
      expect(refuses(parties, spoiled), `byte ${byte}`).toBe(true);
    }
  },
);

/**
 * The attack that read Delta from IKNP bit by bit: other choices in one tree. The best proof assumes Delta's
 * bits there; what is learnt is whether the guess was right, and a wrong one costs the session.
 */
test.each([
  [1, 17],
  [3, 42],
  [4, 5],
  [4, 31],
])('depth %d, tree %d: other choices pass for one guess of Delta there, the right one', (depth, tree) => {
  const parties = dealt('attack', depth);
  const drawn = drawnWithColumns(parties.choosing);
  const error = new Uint8Array(bytes).fill(0xff);
  const own = depthsOf(depth)[tree]!;
  const guesses = Array.from({ length: 2 ** own }, (_, guess) => guess);
  const passing = guesses.filter(
    (guess) => !refuses(parties, forged(parties.choosing, drawn, tree, error, guess)),
  );
  expect(passing).toEqual([missingLeaves(parties.offering.deltaBits, depth)[tree]]);
});

test('a single column: of 127 that are flipped one by one a client passes with about half, so that it ends within a few', () => {
  const parties = dealt('columns', 1);
  const drawn = drawnWithColumns(parties.choosing);
  const error = new Uint8Array(bytes);
  error[0] = 1;
  const passing = Array.from({ length: 127 }, (_, i) => i + 1).filter(
    (tree) => !refuses(parties, forged(parties.choosing, drawn, tree, error, 0)),
  );
  const zeros = [...parties.offering.deltaBits.keys()].filter((j) => parties.offering.deltaBits[j] === 0);
  expect(passing).toEqual(zeros);
  expect(passing.length).toBeLessThan(64 + 6 * 6);
});

/**
 * Two blocks of a column that hash to nothing under a known key: a chooser that knew the challenge before it
 * sent would add them to any tree, and no guess would be needed.
 */
test('the challenge hangs on every tree’s corrections: an error that hashes to zero under the honest challenge is refused', () => {
  const parties = dealt('before');
  const drawn = drawnWithColumns(parties.choosing);
  const corrections = drawn.message.subarray(0, 31 * bytes);
  const { key } = challenge(parties.choosing.transcript, place.block, corrections);
  const h = aesEcb(key)(new Uint8Array(16));
  // Block i is weighed by H^(n + 2 - i): H in place i + 1 and 1 in place i (the bit x^0 of GCM is 0x80).
  const error = new Uint8Array(bytes);
  error[0] = 0x80;
  error.set(h, 16);
  expect(hashColumns(key, error, 1, columns)).toEqual(new Uint8Array(16));
  for (let tree = 1; tree < 32; tree++) {
    const message = drawn.message.slice();
    const from = (tree - 1) * bytes;
    message.set(xor(message.subarray(from, from + bytes), error), from);
    expect(refuses(parties, message), `tree ${tree}`).toBe(true);
  }
});

test('a message of another block, place, direction or session, and one that is shorter or longer, are refused', () => {
  const parties = dealt('places');
  const { message } = drawBlock(columns, parties.choosing, place);
  expect(refuses(parties, message, { ...place, block: 1 })).toBe(true);
  expect(refuses(parties, message, { ...place, at: bytes })).toBe(true);
  expect(refuses(dealt('another session'), message)).toBe(true);
  const other = { ...parties.offering, transcript: sha256(parties.offering.transcript) };
  expect(refuses({ ...parties, offering: other }, message)).toBe(true);
  expect(() => checkBlock(columns, parties.offering, place, message.subarray(16))).toThrow(
    /expected 1536 bytes for 256 transfers, got 1520/,
  );
  expect(refuses(parties, new Uint8Array([...message, 0]))).toBe(true);
  // The blocks of a column repeated: rows 0 to 127 twice.
  const repeated = message.slice();
  for (let tree = 0; tree < 31; tree++)
    repeated.copyWithin(tree * bytes + 16, tree * bytes, tree * bytes + 16);
  expect(refuses(parties, repeated)).toBe(true);
});

const rowOf = (rows: Uint32Array, i: number) => rows.slice(4 * i, 4 * i + 4);

/**
 * A chooser that draws each tree's leaves until rows i and j differ by what it wants, so that after x^i R they
 * are equal if it foresees R: some 16 tries a tree.
 */
function groundSeeds(i: number, j: number, wanted: Uint8Array): ChoosingSeeds {
  const rng = seededRng('grind');
  const transcript = rng.bytes(32);
  const draw = () => Array.from({ length: 16 }, () => rng.bytes(16));
  let trees = Array.from({ length: 32 }, draw);
  for (;;) {
    const seeds = choosingSeeds(4, trees, transcript);
    drawBlock(columns, seeds, place);
    const t = columns.columns;
    const fits = (k: number) =>
      (bitOf(t.subarray(k * bytes), i) ^ bitOf(t.subarray(k * bytes), j)) === bitOf(wanted, k);
    const unfit = trees.map((_, tree) => ![0, 1, 2, 3].every((k) => fits(4 * tree + k)));
    if (!unfit.includes(true)) return seeds;
    trees = trees.map((leaves, tree) => (unfit[tree] ? draw() : leaves));
  }
}

test('a chooser that grinds its trees for two equal rows gets rows that differ, whatever R it foresees', () => {
  const [i, j] = [3, 250];
  // What is added to zero rows is x^i R itself.
  const shifted = (factor: Uint8Array) => {
    columns.start(bytes, 1);
    columns.columns.fill(0);
    return columns.rows(place.rows, factor);
  };
  const transcript = seededRng('grind').bytes(32);
  const foreseen = challenge(transcript, place.block, new Uint8Array(31 * bytes)).shift;
  for (const shift of [new Uint8Array(16), foreseen]) {
    const added = shifted(shift);
    const wanted = new Uint8Array(rowOf(added, i).map((word, w) => word ^ rowOf(added, j)[w]!).buffer);
    const seeds = groundSeeds(i, j, wanted);
    const { rows } = drawBlock(columns, seeds, place);
    const t = columns.columns.slice();
    // The grinding did what it was to do.
    for (let k = 0; k < 128; k++) {
      const column = t.subarray(k * bytes, (k + 1) * bytes);
      expect(bitOf(column, i) ^ bitOf(column, j)).toBe(bitOf(wanted, k));
    }
    expect(rowOf(rows, i)).not.toEqual(rowOf(rows, j));
  }
});

test('the hash of the choices is hidden by rows that nobody gets; planted: without them it is that of the choices', () => {
  const parties = dealt('proofs');
  const hidden = Array.from({ length: 200 }, (_, block) => {
    const own = { block, at: block * bytes, rows: place.rows };
    const { message, choices } = drawBlock(columns, parties.choosing, own);
    const corrections = message.subarray(0, 31 * bytes);
    const { key } = challenge(parties.choosing.transcript, block, corrections);
    const known = new Uint8Array(bytes);
    known.set(choices);
    return xor(message.subarray(31 * bytes, 31 * bytes + 16), hashColumns(key, known, 1, columns));
  });
  expect(coinsZ(bitsOf(new Uint8Array(hidden.flatMap((hash) => [...hash]))))).toBeLessThan(sixSigma);
  expect(new Set(hidden.map(String)).size).toBe(200);
  expect(place.rows / 8).toBeLessThan(bytes);
});

test('two messages joined are uniform; with a place of the streams used twice they are not', () => {
  const parties = dealt('two messages');
  const rows = 8192;
  const message = (at: number) => drawBlock(columns, parties.choosing, { block: 0, at, rows }).message;
  const joined = (at: number) => residuesZ(xor(message(0), message(at)).subarray(0, -proofBytes), 256);
  expect(joined(columnBytes(rows))).toBeLessThan(sixSigma);
  expect(joined(0)).toBeGreaterThan(2 * sixSigma);
});

test('messages are uniform and tell no choices; choices are fair', () => {
  const parties = dealt('messages');
  const long = { block: 0, at: 0, rows: 8192 };
  const { message, choices } = drawBlock(columns, parties.choosing, long);
  const size = columnBytes(long.rows);
  expect(residuesZ(message, 256)).toBeLessThan(sixSigma);
  expect(coinsZ(bitsOf(choices))).toBeLessThan(sixSigma);
  for (let tree = 0; tree < 31; tree++) {
    const correction = message.subarray(tree * size, tree * size + choices.length);
    expect(coinsZ(bitsOf(xor(correction, choices))), `tree ${tree + 1}`).toBeLessThan(sixSigma);
  }
});
