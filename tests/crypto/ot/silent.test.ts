import { expect, test } from 'vitest';
import { areEqual, asBytes } from '../../../crypto/bits.ts';
import { fieldOf } from '../../../crypto/ot/field.ts';
import {
  carriedBy,
  correctionsOf,
  givenBy,
  keptIndexBytes,
  rowsOf,
  silentSets,
} from '../../../crypto/ot/silent-sets.ts';
import { chooseSilently, offerSilently } from '../../../crypto/ot/silent.ts';
import type { SilentTurn } from '../../../crypto/ot/silent.ts';
import { nodePlatform } from '../../../crypto/platform/node.ts';
import { aesCtr, readWasm, usePlatform } from '../../../crypto/platform/platform.ts';
import type { Platform } from '../../../crypto/platform/platform.ts';
import { createSilent } from '../../../crypto/ring/silent.ts';
import type { Indices } from '../../../crypto/ring/silent.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { seededRng } from '../../helpers/rng.ts';
import { coinsZ, sixSigma, uniformityZ, wordsZ } from '../../helpers/statistics.ts';
import { code, columns, Pair, silent } from './silent-pair.ts';

const bitOf = (bits: Uint8Array, i: number) => (bits[i >> 3]! >> (i & 7)) & 1;

/** The rows with q != r + u Delta. */
function wrongRows(q: Uint32Array, r: Uint32Array, delta: Uint32Array, bit: (i: number) => number): number {
  let wrong = 0;
  for (let i = 0; i < q.length / 4; i++) {
    const u = -bit(i);
    let difference = 0;
    for (let w = 0; w < 4; w++) difference |= q[4 * i + w]! ^ r[4 * i + w]! ^ (u & delta[w]!);
    if (difference !== 0) wrong++;
  }
  return wrong;
}

test.each(['testInsecure', 's16'] as const)(
  '%s: every row of two iterations is right, given away and carried; choices are fair; the proof holds',
  (set) => {
    const pair = new Pair(`right ${set}`, set);
    for (let i = 0; i < 2; i++) {
      const { offered, chosen } = pair.run(set);
      expect(offered.rows.length).toBe(4 * givenBy(set));
      expect(chosen.choices.length).toBe(givenBy(set) / 8);
      expect(offered.corrections.length).toBe(correctionsOf(set));
      const given = (k: number) => bitOf(chosen.choices, k);
      expect(wrongRows(offered.rows, chosen.rows, pair.delta, given)).toBe(0);
      const carried = (k: number) => chosen.carried[4 * k]! & 1;
      expect(wrongRows(offered.carried, chosen.carried, pair.delta, carried)).toBe(0);
      expect(offered.carried.some((word, k) => (k & 3) === 0 && (word & 1) === 1)).toBe(false);
      expect(coinsZ(Array.from({ length: givenBy(set) }, (_, k) => given(k)))).toBeLessThan(sixSigma);
      expect(wordsZ(chosen.rows)).toBeLessThan(sixSigma);
      expect(pair.isProved({ offered, chosen })).toBe(true);
    }
  },
);

test('rows and bytes are the same with indices that are kept and that are drawn, by turns in one memory', () => {
  for (const set of ['testInsecure', 's16'] as const) {
    const both = (['kept', 'drawn'] as const).map((kind) => new Pair(`indices ${set}`, set, [kind, kind]));
    for (let i = 0; i < 2; i++) {
      const [kept, drawn] = both.map((pair) => pair.run(set));
      expect(drawn!.corrections).toEqual(kept!.corrections);
      for (const party of ['offered', 'chosen'] as const) {
        expect(areEqual(asBytes(drawn![party].rows), asBytes(kept![party].rows))).toBe(true);
        expect(areEqual(asBytes(drawn![party].carried), asBytes(kept![party].carried))).toBe(true);
      }
      expect(drawn!.chosen.choices).toEqual(kept!.chosen.choices);
      expect(both[0]!.isProved({ offered: kept!.offered, chosen: drawn!.chosen })).toBe(true);
    }
  }
});

test('indices that are drawn take no memory, and every iteration opens their stream anew', async () => {
  const binary = await readWasm('crypto/ring/silent.wasm');
  const bytesOf = async (indices: Indices) => {
    const own = await createSilent(binary);
    own.start(silentSets.s16, new Uint32Array(4 * carriedBy('s16')), indices);
    return own.out.buffer.byteLength;
  };
  const saved = (await bytesOf('kept')) - (await bytesOf('drawn'));
  expect(saved).toBeGreaterThan(keptIndexBytes - 2 ** 18);
  let opened = 0;
  const countingCtr: Platform['aesCtr'] = (key, counter) => {
    if (Buffer.from(key).equals(code)) opened++;
    return nodePlatform.aesCtr(key, counter);
  };
  usePlatform({ ...nodePlatform, aesCtr: countingCtr });
  try {
    const pair = new Pair('opened', 'testInsecure', ['drawn', 'drawn']);
    for (let i = 0; i < 3; i++) pair.run('testInsecure');
  } finally {
    usePlatform(nodePlatform);
  }
  expect(opened).toBe(2 * 3);
});

test('lengths: 0.172 bytes a transfer of s16', () => {
  expect(correctionsOf('s16') / givenBy('s16')).toBeCloseTo(0.1723, 4);
});

/** The choices are A s + e, e with one 1 in each tree. The code by a plain loop. */
test('choices are the code of the secret and noise of one error a tree, in a uniform place', () => {
  const set = 'testInsecure';
  const { trees, depth, batch, secret } = silentSets[set];
  const pair = new Pair('noise', set);
  const cells = new Uint32Array(2 ** depth);
  for (let i = 0; i < 60; i++) {
    const s = pair.carried.chosen.slice(0, 4 * secret);
    const { chosen } = pair.run(set);
    const total = rowsOf(set);
    const stream = aesCtr(code, new Uint8Array(16))(20 * total);
    const indices = new Uint16Array(stream.slice().buffer);
    const errors = new Uint32Array(trees);
    const choice = (k: number) =>
      k < givenBy(set) ? bitOf(chosen.choices, k) : chosen.carried[4 * (k - givenBy(set))]! & 1;
    for (let k = 0; k < total; k++) {
      let bit = choice(k);
      for (let f = 0; f < 10; f++) bit ^= s[4 * (indices[10 * k + f]! & (secret - 1))]! & 1;
      if (bit === 0) continue;
      const inBatch = k % (batch << depth);
      errors[Math.floor(k / (batch << depth)) * batch + (inBatch % batch)]!++;
      cells[Math.floor(inBatch / batch)]!++;
    }
    expect([...errors]).toEqual(Array.from({ length: trees }, () => 1));
  }
  expect(Math.abs(uniformityZ(cells))).toBeLessThan(sixSigma);
});

test('any bit of any correction, changed, fails the proof; so does a tree’s correction sent for another', () => {
  const set = 'testInsecure';
  const { depth, batch } = silentSets[set];
  const random = seededRng('bits');
  for (let i = 0; i < 80; i++) {
    const pair = new Pair(`bit ${i}`, set);
    const [word, shift] = randomWords(random, 2);
    const at = word! % correctionsOf(set);
    const run = () => pair.run(set, (corrections) => (corrections[at]! ^= 1 << (shift! % 8)));
    // Of the last level's corrections bit 0 is 0: leaves have none.
    const isLast = Math.floor(at / (16 * batch)) % depth === depth - 1;
    if (isLast && at % 16 === 0 && shift! % 8 === 0) expect(run).toThrow(ProtocolError);
    else expect(pair.isProved(run()), `byte ${at}, bit ${shift! % 8}`).toBe(false);
  }
  const first = new Pair('first bit', set);
  const last = 16 * batch * (depth - 1);
  expect(() => first.run(set, (corrections) => (corrections[last]! ^= 1))).toThrow(/first bit is 0/);
  const pair = new Pair('another tree', set);
  const run = pair.run(set, (corrections) => {
    for (let level = 0; level < depth; level++) {
      const own = 16 * batch * level;
      corrections.copyWithin(own, own + 16, own + 32);
    }
  });
  expect(pair.isProved(run)).toBe(false);
});

test('other corrections than were proved: values of another iteration do not prove this one', () => {
  const pair = new Pair('twice', 'testInsecure');
  const [first, second] = [pair.run('testInsecure'), pair.run('testInsecure')];
  expect(pair.isProved({ offered: first.offered, chosen: second.chosen })).toBe(false);
});

test('the challenge of an iteration hangs on the corrections of all before it, for both parties alike', () => {
  const pair = new Pair('history', 'testInsecure');
  const first = pair.run('testInsecure');
  expect(first.offered.history).toEqual(first.chosen.history);
  const turn = pair.turn('testInsecure');
  const carried = pair.carried.chosen;
  const { corrections } = pair.run('testInsecure');
  const maskedUnder = (history: Uint8Array) =>
    chooseSilently(silent, columns, { ...turn, history, carried: carried.slice() }, corrections).masked;
  expect(maskedUnder(first.chosen.history)).toEqual(maskedUnder(first.chosen.history.slice()));
  // The same rows and corrections after others.
  const changed = first.corrections.slice();
  changed[0]! ^= 1;
  const start = new Pair('history', 'testInsecure');
  const other = chooseSilently(
    silent,
    columns,
    { ...start.turn('testInsecure'), carried: start.carried.chosen },
    changed,
  ).history;
  expect(other).not.toEqual(first.chosen.history);
  expect(maskedUnder(other)).not.toEqual(maskedUnder(first.chosen.history));
});

test('corrections of another length are refused', () => {
  const pair = new Pair('length', 'testInsecure');
  const turn = { ...pair.turn('testInsecure'), carried: pair.carried.chosen };
  for (const length of [0, correctionsOf('testInsecure') - 16, correctionsOf('testInsecure') + 1]) {
    expect(() => chooseSilently(silent, columns, turn, new Uint8Array(length))).toThrow(ProtocolError);
  }
});

test('nothing comes twice: carried rows, corrections, masked values and rows differ between iterations', () => {
  const set = 'testInsecure';
  const pair = new Pair('fresh', set);
  // A row whose choice is 0 is the same for both parties, so each has a set of its own.
  const seen = { offerer: new Set<string>(), chooser: new Set<string>() };
  const count = { offerer: 0, chooser: 0 };
  const see = (party: keyof typeof seen, ...all: Uint8Array[]) => {
    for (const bytes of all) {
      for (let at = 0; at < bytes.length; at += 16) seen[party].add(bytes.subarray(at, at + 16).join());
      count[party] += bytes.length / 16;
    }
  };
  for (let i = 0; i < 4; i++) {
    const { offered, chosen, corrections } = pair.run(set);
    see('offerer', asBytes(offered.rows), asBytes(offered.carried), corrections, offered.value);
    see('chooser', asBytes(chosen.rows), asBytes(chosen.carried), chosen.masked, chosen.value);
  }
  expect({ offerer: seen.offerer.size, chooser: seen.chooser.size }).toEqual(count);
});

test('each batch of trees of each iteration and direction has a key of its own, and so has each check', () => {
  const { trees, batch } = silentSets.testInsecure;
  const keys: string[] = [];
  const aesEcb: Platform['aesEcb'] = (key) => {
    keys.push(key.join());
    return nodePlatform.aesEcb(key);
  };
  const pairs = [new Pair('keys', 'testInsecure'), new Pair('keys of another direction', 'testInsecure')];
  usePlatform({ ...nodePlatform, aesEcb });
  try {
    for (const { delta, rng, carried, transcript } of pairs) {
      let turn: SilentTurn = {
        ...{ set: 'testInsecure', code, transcript, iteration: 0, history: transcript, indices: 'kept' },
        carried: carried.offered,
      };
      for (let iteration = 1; iteration <= 3; iteration++) {
        turn = { ...turn, ...offerSilently(silent, columns, turn, delta, rng), iteration };
      }
    }
  } finally {
    usePlatform(nodePlatform);
  }
  expect(keys).toHaveLength(pairs.length * 3 * (trees / batch + 1));
  expect(new Set(keys).size).toBe(keys.length);
});

test('corrections of another direction, or of another iteration, prove nothing', () => {
  for (const change of [{ transcript: seededRng('other').bytes(32) }, { iteration: 1 }]) {
    const pair = new Pair('direction', 'testInsecure');
    const turn = pair.turn('testInsecure');
    const [offered, chosen] = [
      offerSilently(silent, columns, { ...turn, carried: pair.carried.offered }, pair.delta, pair.rng),
      pair.carried.chosen,
    ];
    const other = chooseSilently(
      silent,
      columns,
      { ...turn, ...change, carried: chosen },
      offered.corrections,
    );
    expect(pair.isProved({ offered, chosen: other })).toBe(false);
  }
});

test('the carried rows are overwritten once they are used', () => {
  const pair = new Pair('wiped', 'testInsecure');
  const carried = pair.carried.offered;
  offerSilently(silent, columns, { ...pair.turn('testInsecure'), carried }, pair.delta, pair.rng);
  expect(carried.every((word) => word === 0)).toBe(true);
});

test('the masked value is uniform, whatever the holes', () => {
  const pair = new Pair('masked', 'testInsecure');
  const bits: number[] = [];
  for (let i = 0; i < 100; i++) {
    const { masked } = pair.run('testInsecure').chosen;
    for (let k = 0; k < 128; k++) bits.push(bitOf(masked, k));
  }
  expect(coinsZ(bits)).toBeLessThan(sixSigma);
});

test('phi is masked by the choices of rows that serve nothing else', () => {
  const set = 'testInsecure';
  const pair = new Pair('mask', set);
  const turn = pair.turn(set);
  const { corrections } = offerSilently(
    silent,
    columns,
    { ...turn, carried: pair.carried.offered },
    pair.delta,
    pair.rng,
  );
  const maskedOf = (carried: Uint32Array<ArrayBuffer>) =>
    chooseSilently(silent, columns, { ...turn, carried }, corrections).masked;
  const other = pair.carried.chosen.slice();
  // Row 5 of the last 128, from which x^5 comes.
  other[4 * (carriedBy(set) - 128 + 5)]! ^= 1;
  const [one, two] = [maskedOf(pair.carried.chosen), maskedOf(other)];
  expect(fieldOf(one) ^ fieldOf(two)).toBe(1n << BigInt(127 - 5));
});

test('rows differ by x^i R: rows that are equal before are not equal after', () => {
  const { offered } = new Pair('differ', 'testInsecure').run('testInsecure');
  const again = new Pair('differ', 'testInsecure').run('testInsecure');
  expect(offered.rows).toEqual(again.offered.rows);
  silent.start(silentSets.testInsecure, new Uint32Array(4 * carriedBy('testInsecure')), 'kept');
  silent.out.fill(0);
  const factor = Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? 1 : 0));
  silent.differ(300, factor);
  const rows = silent.rows(0, 300);
  // x^i for i < 128, then x^128 = x^7 + x^2 + x + 1.
  for (let i = 0; i < 128; i++) expect(rows[4 * i + (i >> 5)]! >>> (i & 31)).toBe(1);
  expect([...rows.subarray(4 * 128, 4 * 129)]).toEqual([0x87, 0, 0, 0]);
});

test('a party whose platform has no GHASH and one whose platform has it agree on the check', () => {
  const pair = new Pair('platforms', 'testInsecure');
  const { ghash, ...browser } = nodePlatform;
  expect(ghash).toBeDefined();
  const as = <Made>(platform: Platform, make: () => Made): Made => {
    usePlatform(platform);
    try {
      return make();
    } finally {
      usePlatform(nodePlatform);
    }
  };
  const turn = pair.turn('testInsecure');
  const { offered: q, chosen: r } = pair.carried;
  for (const [offers, chooses] of [
    [browser, nodePlatform],
    [nodePlatform, browser],
  ] as const) {
    const offered = as(offers, () =>
      offerSilently(silent, columns, { ...turn, carried: q.slice() }, pair.delta, pair.rng),
    );
    const chosen = as(chooses, () =>
      chooseSilently(silent, columns, { ...turn, carried: r.slice() }, offered.corrections),
    );
    expect(pair.isProved({ offered, chosen })).toBe(true);
  }
});
