import { expect, test } from 'vitest';
import {
  ciphertextBytes,
  ciphertextWords,
  plaintextBytes,
  plaintextWords,
  seededWords,
} from '../../../crypto/he/serial.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { seededRng } from '../../helpers/rng.ts';

const rng = seededRng('serial');
const shape = { parmsId: rng.bytes(32), ntt: true, degree: 16, primes: 3 };

test('what is written is read back', () => {
  const words = randomWords(rng, 20);
  expect(plaintextWords(plaintextBytes(words))).toEqual(words);
  const both = randomWords(rng, 2 * 2 * 3 * 16);
  expect(ciphertextWords(ciphertextBytes(shape, both), shape)).toEqual(both);
  const c0 = randomWords(rng, 2 * 3 * 16);
  const seed = rng.bytes(64);
  expect(seededWords(ciphertextBytes(shape, c0, seed), shape)).toEqual({ c0, seed });
});

test('another format or shape than expected is an error', () => {
  const bytes = ciphertextBytes(shape, randomWords(rng, 2 * 2 * 3 * 16));
  const flipped = (at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
  // Magic, header size, version, compression, size, parms id, NTT flag, polynomials, degree, primes.
  for (const at of [0, 1, 2, 3, 4, 5, 8, 12, 16, 47, 48, 49, 57, 65]) {
    expect(() => ciphertextWords(flipped(at), shape), `byte ${at}`).toThrow(/node-seal: expected/);
  }
  expect(() => ciphertextWords(bytes.slice(0, -1), shape)).toThrow(/node-seal: expected/);
  expect(() => ciphertextWords(bytes, { ...shape, primes: 2 })).toThrow(/node-seal: expected/);
  expect(() => plaintextWords(plaintextBytes(randomWords(rng, 20)).slice(0, -8))).toThrow(
    /node-seal: expected/,
  );
});
