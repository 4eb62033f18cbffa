import { describe, expect, test } from 'vitest';
import { loadPlanes } from '../../../crypto/ring/planes.ts';
import { comparisonOf } from '../../../crypto/sign/comparison.ts';
import { layoutOf } from '../../../crypto/sign/layout.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { seededRng } from '../../helpers/rng.ts';
import { coinsZ, sixSigma } from '../../helpers/statistics.ts';
import { bitsOf, runSign } from './halves.ts';
import type { Spoil } from './halves.ts';

const planes = await loadPlanes();
const size = 8192;

/** Both parties' shares of x near zero, so that every digit takes part. */
function shares(windowBits: number, seed: string) {
  const rng = seededRng(seed);
  const vC = randomWords(rng, size);
  const x = randomWords(rng, size).map((word, i) => (i % 2 === 0 ? word : word % 3));
  return { rng, vC, vS: x.map((word, i) => word - vC[i]!), x };
}

/** The share of elements whose sign is wrong. */
function wrong(windowBits: number, seed: string, spoil?: Spoil): number {
  const { rng, vC, vS } = shares(windowBits, seed);
  const { sign } = runSign(planes, comparisonOf(windowBits), vC, vS, rng, spoil);
  const faults = sign.filter((d, i) => d !== ((((vC[i]! + vS[i]!) >>> (windowBits - 1)) & 1) ^ 1));
  return faults.length / size;
}

/** Flips one plane of a message on its way. */
const flip =
  (what: 'strings' | 'bits', plane: number): Spoil =>
  (at, own, message) => {
    if (at === what) own.not(own.plane(message, plane), own.plane(message, plane));
  };

// One digit, two, three, four and seven: every shape of the products.
describe.each([6, 9, 13, 15, 28])('a window of %i bits', (windowBits) => {
  const comparison = comparisonOf(windowBits);
  const { keyAt, keyPlanes } = layoutOf(comparison);

  test('no plane is wrong unspoiled', () => {
    expect(wrong(windowBits, 'whole')).toBe(0);
  });

  test('every bit that S sends matters', () => {
    for (const transfer of comparison.transfers.keys()) {
      expect(wrong(windowBits, 'bits', flip('bits', transfer)), `transfer ${transfer}`).toBeGreaterThan(0);
    }
  });

  test('every plane of every string matters', () => {
    const first = keyAt.filter((_, t) => comparison.transfers[t]!.keyBits > 0);
    for (const plane of [...first, keyPlanes - 1]) {
      expect(wrong(windowBits, 'strings', flip('strings', plane)), `plane ${plane}`).toBeGreaterThan(0);
    }
  });

  test('what each party sees is uniform, whatever the other holds; also where C sends strings of ones', () => {
    const rng = seededRng(`views ${windowBits}`);
    const ones: Spoil = (what, own, message) => {
      if (what === 'strings') own.not(own.clear(message, keyPlanes), message);
    };
    for (const spoil of [undefined, ones]) {
      for (const [c, s] of [
        [0, 0],
        [0x5555_5555, 0xffff_ffff],
      ] as const) {
        const fill = (word: number) => new Uint32Array(size).fill(word);
        const views = runSign(planes, comparison, fill(c), fill(s), rng, spoil);
        expect(worstPlane(views.bits), 'bits').toBeLessThan(sixSigma);
        if (spoil === undefined) expect(worstPlane(views.strings), 'strings').toBeLessThan(sixSigma);
        expect(coinsZ(views.clientShare), 'e_C').toBeLessThan(sixSigma);
      }
    }
  });
});

/** Strings of ones leave S's bits uniform: planted, bits without choices do not stay so. */
test('planted: bits without choices show S’s window', () => {
  const rng = seededRng('planted');
  const fill = (word: number) => new Uint32Array(size).fill(word);
  const { bits, choices } = runSign(planes, comparisonOf(15), fill(5), fill(9), rng);
  expect(worstPlane(bits.map((byte, i) => byte ^ choices[i]!))).toBeGreaterThan(2 * sixSigma);
});

test('the bits are a bijection of the choices: two runs with other choices differ in bits exactly there', () => {
  // The first transfer's bit depends on no choice but its own.
  const run = (seed: string) => {
    const fill = (word: number) => new Uint32Array(size).fill(word);
    return runSign(planes, comparisonOf(15), fill(77), fill(1234), seededRng(seed));
  };
  const [a, b] = [run('one'), run('two')];
  const plane = (bytes: Uint8Array) => bytes.subarray(0, size / 8);
  const difference = (x: Uint8Array, y: Uint8Array) => plane(x).map((byte, i) => byte ^ plane(y)[i]!);
  expect(difference(a.bits, b.bits)).toEqual(difference(a.choices, b.choices));
});

function worstPlane(bytes: Uint8Array): number {
  const length = size / 8;
  const count = bytes.length / length;
  return Math.max(
    ...Array.from({ length: count }, (_, p) =>
      coinsZ(bitsOf(bytes.subarray(p * length, (p + 1) * length), size)),
    ),
  );
}
