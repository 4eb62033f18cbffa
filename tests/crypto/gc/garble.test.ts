import { expect, test } from 'vitest';
import { inputWords, labelWords, tableBytes } from '../../../crypto/gc/circuit.ts';
import { evaluateGarbled, evaluationKeys } from '../../../crypto/gc/evaluate.ts';
import { garble } from '../../../crypto/gc/garble.ts';
import { ProtocolError, ReluctantError } from '../../../src/shared/errors.ts';
import { randomWords } from '../../../src/shared/random.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { seededRng } from '../../helpers/rng.ts';
import { sixSigma, wordsZ } from '../../helpers/statistics.ts';

/** Garbles the circuit for `v_C`, `v_S` and hands the evaluator the labels of its inputs. */
function setUp(wires: number, vC: Uint32Array, vS: Uint32Array, rng: Rng) {
  const count = vC.length;
  const delta = randomWords(rng, labelWords);
  delta[0]! |= 1;
  const words = inputWords({ wires, count });
  const [evaluatorZero, garblerZero] = [randomWords(rng, words), randomWords(rng, words)];
  const salt = rng.bytes(16);
  const garbled = garble({ wires, count, delta, evaluatorZero, garblerZero, salt });
  const labels = (zeros: Uint32Array, v: Uint32Array) =>
    zeros.map((word, at) => {
      const [wire, i] = [Math.floor(at / (4 * count)), (at >> 2) % count];
      return ((v[i]! >>> wire) & 1) === 1 ? word ^ delta[at & 3]! : word;
    });
  const input = {
    wires,
    count,
    evaluatorLabels: labels(evaluatorZero, vC),
    garblerLabels: labels(garblerZero, vS),
    tables: garbled.tables,
    salt,
  };
  return { garbled, input, delta };
}

/** The circuit's output by garbling and evaluation. */
function topBits(wires: number, vC: Uint32Array, vS: Uint32Array, rng: Rng): Uint8Array {
  const { garbled, input } = setUp(wires, vC, vS, rng);
  return evaluateGarbled(input).map((colour, i) => colour ^ garbled.colours[i]!);
}

test('truth table: two wires are XOR of the top bits and AND of the low ones', () => {
  const pairs = Array.from({ length: 16 }, (_, i) => [i & 3, i >> 2] as const);
  const [vC, vS] = [0, 1].map((side) => Uint32Array.from(pairs, (pair) => pair[side]!)) as [
    Uint32Array,
    Uint32Array,
  ];
  const expected = pairs.map(([a, b]) => (a >> 1) ^ (b >> 1) ^ (a & b & 1));
  for (let seed = 0; seed < 20; seed++) {
    expect([...topBits(2, vC, vS, seededRng(`truth ${seed}`))]).toEqual(expected);
  }
});

test('the output is the top bit of the sum, for windows of 1 to 32 bits', () => {
  const rng = seededRng('adders');
  for (let wires = 1; wires <= 32; wires++) {
    const mask = 2 ** wires - 1;
    const [vC, vS] = [randomWords(rng, 200), randomWords(rng, 200)].map((v) => v.map((w) => w & mask)) as [
      Uint32Array,
      Uint32Array,
    ];
    // carries through the whole chain
    vC.set([mask, mask, 0, 1]);
    vS.set([mask, 1, 0, mask]);
    const expected = Array.from(vC, (v, i) => Math.floor((v + vS[i]!) / 2 ** (wires - 1)) % 2);
    expect([...topBits(wires, vC, vS, rng)]).toEqual(expected);
  }
});

test('more instances than share a key are right, and so are none', () => {
  const rng = seededRng('chunks');
  const [vC, vS] = [randomWords(rng, 9000), randomWords(rng, 9000)];
  const expected = Array.from(vC, (v, i) => ((v + vS[i]!) >>> 4) & 1);
  expect([...topBits(5, vC, vS, rng)]).toEqual(expected);
  expect(topBits(5, new Uint32Array(), new Uint32Array(), rng)).toHaveLength(0);
});

test('keys made ahead are the same keys, and serve once', () => {
  const rng = seededRng('keys ahead');
  const [vC, vS] = [randomWords(rng, 5000), randomWords(rng, 5000)];
  const { input } = setUp(6, vC, vS, rng);
  const keys = evaluationKeys(input, input.salt);
  const right = evaluateGarbled(input);
  expect(evaluateGarbled({ ...input, keys })).toEqual(right);
  expect(evaluateGarbled({ ...input, keys })).not.toEqual(right);
  expect(evaluateGarbled({ ...input, keys: evaluationKeys(input, rng.bytes(16)) })).not.toEqual(right);
});

test('a flipped bit of a table makes outputs wrong', () => {
  const rng = seededRng('flip');
  const [vC, vS] = [randomWords(rng, 500), randomWords(rng, 500)];
  const { garbled, input } = setUp(8, vC, vS, rng);
  const right = evaluateGarbled(input);
  const tables = garbled.tables.map((byte, at) => (at % 16 === 0 ? byte ^ 1 : byte));
  const wrong = evaluateGarbled({ ...input, tables });
  const changed = wrong.reduce((sum, colour, i) => sum + (colour ^ right[i]!), 0);
  expect(changed).toBeGreaterThan(100);
  expect(changed).toBeLessThan(400);
});

test('another salt makes outputs wrong: the tables belong to their tweaks', () => {
  const rng = seededRng('salt');
  const [vC, vS] = [randomWords(rng, 500), randomWords(rng, 500)];
  const { input } = setUp(8, vC, vS, rng);
  const wrong = evaluateGarbled({ ...input, salt: rng.bytes(16) });
  expect(wrong).not.toEqual(evaluateGarbled(input));
});

test('tables and colours look uniform, whatever the inputs', () => {
  const rng = seededRng('uniform tables');
  const zeros = new Uint32Array(6000);
  const { garbled } = setUp(4, zeros, zeros, rng);
  expect(wordsZ(new Uint32Array(garbled.tables.buffer))).toBeLessThan(sixSigma);
  const ones = garbled.colours.reduce((sum, colour) => sum + colour, 0);
  expect(Math.abs(ones - 3000) / Math.sqrt(1500)).toBeLessThan(sixSigma);
});

test('tables and labels of another length are the peer’s fault', () => {
  const rng = seededRng('lengths');
  const v = randomWords(rng, 3);
  const { input, garbled } = setUp(4, v, v, rng);
  expect(garbled.tables.byteLength).toBe(tableBytes({ wires: 4, count: 3 }));
  expect(garbled.tables.byteLength).toBe(3 * 3 * 32);
  const short = garbled.tables.subarray(0, -32);
  expect(() => evaluateGarbled({ ...input, tables: short })).toThrow(ProtocolError);
  expect(() => evaluateGarbled({ ...input, tables: new Uint8Array([...garbled.tables, 0]) })).toThrow(
    ProtocolError,
  );
  expect(() => evaluateGarbled({ ...input, garblerLabels: input.garblerLabels.subarray(4) })).toThrow(
    ProtocolError,
  );
  expect(() => evaluateGarbled({ ...input, wires: 33 })).toThrow(RangeError);
});

test('Delta must tell colours apart', () => {
  const rng = seededRng('delta');
  const zeros = randomWords(rng, 8);
  const delta = randomWords(rng, 4);
  delta[0]! &= ~1;
  const salt = rng.bytes(16);
  const shape = { wires: 2, count: 1 };
  expect(() => garble({ ...shape, delta, evaluatorZero: zeros, garblerZero: zeros, salt })).toThrow(
    ReluctantError,
  );
});
