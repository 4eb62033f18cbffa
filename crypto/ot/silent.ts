import { ProtocolError } from '../../src/shared/errors.ts';
import type { Rng } from '../../src/shared/random.ts';
import { areEqual, asBytes } from '../bits.ts';
import { aesCtr, aesEcb, blockBytes, sha256 } from '../platform/platform.ts';
import type { Columns } from '../ring/columns.ts';
import type { Indices, Silent } from '../ring/silent.ts';
import { alpha, fieldOf, ofField, times } from './field.ts';
import { hashOfOnes, polynomialHash } from './polynomial-hash.ts';
import { carriedBy, checkedRows, correctionsOf, givenBy, rowsOf, silentSets } from './silent-sets.ts';
import type { SilentSet } from './silent-sets.ts';

/**
 * Silent transfers: Ferret (Yang, Weng, Lan, Zhang, Wang, CCS 2020), from learning parity with noise, over
 * the correlated trees of Half-Tree (EUROCRYPT 2023). An iteration makes many rows from the few that the one
 * before carried over. Throughout, bit 0 of Delta is 1, bit 0 of q is 0, and bit 0 of r is the choice u.
 *
 * Noise. The party that offers grows trees whose levels each add up to Delta. Of each level it sends a
 * correction, c = q + (sum of the left children), under a carried row. The party that chooses has r = q + u
 * Delta, so r + c is the sum of the side that u names: it learns all leaves but one, and of that one the
 * leaf + Delta. Its path is random, because choices are; so the party that chooses sends nothing.
 *
 * Code. Row i is leaf i and ten rows of the secret, whose numbers come from a public seed of the session.
 *
 * The check is Ferret's for all trees of an iteration at once. chi_i is the power of H that belongs to leaf i
 * in the linear part of GHASH, under a key that comes from all corrections so far. With V = sum chi_i q_i and
 * W = sum chi_i r_i over the leaves, V = W + phi Delta, where phi is the sum of chi at the places of the
 * holes. 128 carried rows mask phi: the party that chooses sends phi + u*, the other proves by a hash that it
 * knows V + Y + (phi + u*) Delta, Y = sum x^i q*_i, which the first knows as W + sum x^i r*_i. Corrections
 * that fit no tree pass only where they fit by the choices of the other party, which the cheat would have to
 * guess.
 */

/** What both parties know of a direction of a session. */
export type SilentSession = {
  /** Of the session and direction. */
  readonly transcript: Uint8Array;
  /** The public seed of the code, 16 bytes: one of the session, so that both directions share its indices. */
  readonly code: Uint8Array;
};

/** What one iteration begins with. */
export type SilentTurn = SilentSession & {
  readonly set: SilentSet;
  /** 0, 1, 2 and so on in a direction: keys and the challenge hang on it. */
  readonly iteration: number;
  /** The `history` of the iteration before; before the first the transcript. The challenge hangs on it. */
  readonly history: Uint8Array;
  /** `carriedBy(set)` rows of the iteration before, 4 words each; used up. */
  readonly carried: Uint32Array<ArrayBuffer>;
  /** Of this party alone: rows and bytes are the same. */
  readonly indices: Indices;
};

/** The rows that an iteration made. */
export type SilentRows = {
  /** Rows to give away, 4 words each. */
  readonly rows: Uint32Array<ArrayBuffer>;
  readonly carried: Uint32Array<ArrayBuffer>;
  /** A hash of all corrections so far. */
  readonly history: Uint8Array<ArrayBuffer>;
};

export type Offered = SilentRows & {
  /** `correctionsOf(set)` bytes for the party that chooses. */
  readonly corrections: Uint8Array<ArrayBuffer>;
  /** V + Y, a secret of the check. */
  readonly value: Uint8Array<ArrayBuffer>;
};

export type Chosen = SilentRows & {
  /** The choices of `rows`, packed. */
  readonly choices: Uint8Array<ArrayBuffer>;
  /** phi + u*, for the party that offers. */
  readonly masked: Uint8Array<ArrayBuffer>;
  /** W + Y, a secret of the check. */
  readonly value: Uint8Array<ArrayBuffer>;
};

/** The half of the party that offers. `delta`: 4 words. */
export function offerSilently(
  silent: Silent,
  columns: Columns,
  turn: SilentTurn,
  delta: Uint32Array,
  rng: Rng,
): Offered {
  const { set, carried } = turn;
  begin(silent, turn);
  const corrections = new Uint8Array(correctionsOf(set));
  for (const number of batchesOf(set)) {
    const roots = rng.bytes(blockBytes * silentSets[set].batch);
    silent.growTrees(number, roots, asBytes(delta), treeKey(turn, number), (level, bytes) =>
      levelOf(set, corrections, number, level).set(bytes),
    );
  }
  const { key, shift, history } = challenge(turn, corrections);
  const v = polynomialHash(columns, key, batchBytes(set), leavesOf(silent, set));
  const value = ofField(fieldOf(v) ^ packed(checkOf(carried)));
  encode(silent, turn);
  return { ...finished(silent, set, shift), history, corrections, value };
}

/**
 * The half of the party that chooses, from the other's corrections. The check is not done here: `value` is
 * what the other party must know. Throws ProtocolError for corrections of a wrong length, and where those of
 * leaves have a first bit.
 */
export function chooseSilently(
  silent: Silent,
  columns: Columns,
  turn: SilentTurn,
  corrections: Uint8Array,
): Chosen {
  const { set, carried } = turn;
  const expected = correctionsOf(set);
  if (corrections.length !== expected) {
    throw new ProtocolError(`silent transfers: expected ${expected} bytes, got ${corrections.length}`);
  }
  checkLastLevel(set, corrections);
  begin(silent, turn);
  const holes = batchesOf(set).map((number) =>
    silent.growPunctured(number, treeKey(turn, number), (level) => levelOf(set, corrections, number, level)),
  );
  const { key, shift, history } = challenge(turn, corrections);
  const w = fieldOf(polynomialHash(columns, key, batchBytes(set), leavesOf(silent, set)));
  const phi = fieldOf(hashOfOnes(columns, key, batchBytes(set), placesOf(set, holes)));
  const star = checkOf(carried);
  const value = ofField(w ^ packed(star));
  const masked = ofField(phi ^ choicesOf(star));
  encode(silent, turn);
  const choices = silent.choices(givenBy(set));
  return { ...finished(silent, set, shift), history, choices, masked, value };
}

/** The corrections of a level of a batch of trees. */
function levelOf(set: SilentSet, corrections: Uint8Array, batch: number, level: number): Uint8Array {
  const { batch: trees, depth } = silentSets[set];
  const own = blockBytes * trees;
  const at = own * (batch * depth + level);
  return corrections.subarray(at, at + own);
}

/** Leaves have no bit 0, and so neither have the corrections that add up to them. Throws ProtocolError. */
function checkLastLevel(set: SilentSet, corrections: Uint8Array): void {
  const last = silentSets[set].depth - 1;
  for (const number of batchesOf(set)) {
    if (!levelOf(set, corrections, number, last).some((byte, i) => i % blockBytes === 0 && (byte & 1) === 1))
      continue;
    throw new ProtocolError('silent transfers: expected corrections of leaves whose first bit is 0, got 1');
  }
}

function begin(silent: Silent, { set, carried, indices }: SilentTurn): void {
  const expected = 4 * carriedBy(set);
  if (carried.length !== expected) {
    throw new RangeError(`silent transfers: expected ${expected} words carried, got ${carried.length}`);
  }
  silent.start(silentSets[set], carried, indices);
}

/** The code. The carried rows, which nobody needs any more, are overwritten. */
function encode(silent: Silent, { set, code, carried }: SilentTurn): void {
  // The indices are the key stream of a public seed.
  silent.encode(`${set} ${code.join()}`, () => aesCtr(code, new Uint8Array(blockBytes)));
  carried.fill(0);
}

/** Those to carry on, and those to give away: these differ, which changes their first bits too. */
function finished(silent: Silent, set: SilentSet, shift: Uint8Array): Omit<SilentRows, 'history'> {
  const [all, given] = [rowsOf(set), givenBy(set)];
  const carried = silent.rows(given, all);
  silent.differ(given, shift);
  return { rows: silent.rows(0, given), carried };
}

function batchesOf(set: SilentSet): number[] {
  const { trees, batch } = silentSets[set];
  return Array.from({ length: trees / batch }, (_, number) => number);
}

/**
 * The cipher of a batch's trees: some 2^15 nodes under one key, which is public and belongs to nothing else.
 */
function treeKey({ transcript, iteration }: SilentTurn, batch: number) {
  return aesEcb(named(transcript, `trees ${iteration} ${batch}`).slice(0, 16));
}

/**
 * From all corrections so far: the hash's key, and what makes rows differ (soft-spoken.ts says why). Those of
 * earlier iterations belong to it, since the rows that they made stand in the leaves of this one: whoever
 * knew the key before choosing them could choose errors that the hash does not see.
 */
function challenge({ transcript, set, iteration, history }: SilentTurn, corrections: Uint8Array) {
  const whole = sha256(named(transcript, `history ${set} ${iteration}`), history, corrections);
  const bytes = sha256(named(transcript, `check ${set} ${iteration}`), whole);
  return { key: bytes.slice(0, 16), shift: bytes.slice(16), history: whole };
}

function named(transcript: Uint8Array, name: string): Uint8Array<ArrayBuffer> {
  return sha256(new TextEncoder().encode(`reluctant silent transfers ${name}`), transcript);
}

function* leavesOf(silent: Silent, set: SilentSet): Generator<Uint8Array> {
  for (const batch of batchesOf(set)) yield silent.leavesOf(batch);
}

/** Bytes of the leaves of a batch of trees. */
function batchBytes(set: SilentSet): number {
  const { batch, depth } = silentSets[set];
  return (blockBytes * batch) << depth;
}

/** The places of the holes among the leaves of each batch. */
function placesOf(set: SilentSet, holes: readonly Uint32Array[]): number[][] {
  const { batch } = silentSets[set];
  return holes.map((own) => Array.from(own, (hole, tree) => hole * batch + tree));
}

/** The carried rows of the check. */
function checkOf(carried: Uint32Array): Uint32Array {
  return carried.slice(carried.length - 4 * checkedRows);
}

/** Sum of x^i row_i. */
function packed(rows: Uint32Array): bigint {
  const bytes = asBytes(rows);
  let sum = 0n;
  for (let i = checkedRows - 1; i >= 0; i--) {
    sum = alpha(sum) ^ fieldOf(bytes.subarray(blockBytes * i, blockBytes * (i + 1)));
  }
  return sum;
}

/** Sum of x^i u_i. */
function choicesOf(rows: Uint32Array): bigint {
  let sum = 0n;
  for (let i = 0; i < checkedRows; i++) sum |= BigInt(rows[4 * i]! & 1) << BigInt(127 - i);
  return sum;
}

/** What the party that offers proves that it knows, from its own value and the other's phi + u*. */
export function provenValue(
  value: Uint8Array,
  masked: Uint8Array,
  delta: Uint32Array,
): Uint8Array<ArrayBuffer> {
  return ofField(fieldOf(value) ^ times(fieldOf(masked), fieldOf(asBytes(delta))));
}

/** The proof of some iterations: a hash of their values, one after the other. */
export function proofOf(
  transcript: Uint8Array,
  first: number,
  values: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  return sha256(named(transcript, `proof ${first}`), ...values);
}

/** Throws ProtocolError where the party that offered does not know what it must. */
export function checkProof(expected: Uint8Array, proof: Uint8Array): void {
  if (!areEqual(expected, proof)) throw new ProtocolError('silent transfers: the corrections fit no trees');
}
