import { expect, test } from 'vitest';
import { packedBytes } from '../../../crypto/bits.ts';
import { packResidues, unpackResidues } from '../../../crypto/he/bits.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { seededRng } from '../../helpers/rng.ts';

const rng = seededRng('bits');

function randomResidues(count: number, bits: number): Uint32Array {
  const words = randomWords(rng, 2 * count);
  return words.map((word, i) =>
    i % 2 === 0 ? (bits < 32 ? word % 2 ** bits : word) : bits > 32 ? word % 2 ** (bits - 32) : 0,
  );
}

test('residues of every width come back as they were', () => {
  for (const bits of [16, 17, 23, 24, 25, 31, 32, 33, 34, 46, 47, 48]) {
    for (const count of [1, 2, 7, 8, 100]) {
      const words = randomResidues(count, bits);
      const bytes = new Uint8Array(packedBytes(count, bits) + 3);
      expect(packResidues(words, 0, count, bits, bytes, 2)).toBe(bytes.length - 1);
      const back = new Uint32Array(2 * count);
      expect(unpackResidues(bytes, 2, count, bits, 2 ** bits, back, 0)).toBe(true);
      expect(back, `${count} of ${bits} bits`).toEqual(words);
    }
  }
});

test('the bytes are the low bits first', () => {
  const bytes = new Uint8Array(9);
  // 0x5_6789abcd and 0x1_00000002 in 36 bits each.
  packResidues(Uint32Array.of(0x6789abcd, 5, 2, 1), 0, 2, 36, bytes, 0);
  expect([...bytes]).toEqual([0xcd, 0xab, 0x89, 0x67, 0x25, 0, 0, 0, 0x10]);
});

test('a residue that is not below its modulus, and a stray bit, are found', () => {
  const prime = 140737488273409;
  const words = Uint32Array.of(prime >>> 0, Math.floor(prime / 2 ** 32));
  const bytes = new Uint8Array(packedBytes(1, 47));
  packResidues(words, 0, 1, 47, bytes, 0);
  const back = new Uint32Array(2);
  expect(unpackResidues(bytes, 0, 1, 47, prime + 1, back, 0)).toBe(true);
  expect(unpackResidues(bytes, 0, 1, 47, prime, back, 0)).toBe(false);
  bytes[5]! |= 0x80;
  expect(unpackResidues(bytes, 0, 1, 47, prime + 1, back, 0)).toBe(false);
});
