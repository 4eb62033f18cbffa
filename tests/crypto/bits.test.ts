import { expect, test } from 'vitest';
import { asWords, concatenate, packBits, packedBytes, packFields } from '../../crypto/bits.ts';
import { unpackBits, unpackFields } from '../../crypto/bits.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { randomWords } from '../../src/shared/random.ts';
import { seededRng } from '../helpers/rng.ts';

test('fields of every width come back, and only their low bits', () => {
  const rng = seededRng('fields');
  for (let width = 0; width <= 31; width++) {
    for (const count of [0, 1, 2, 7, 33, 100]) {
      const values = randomWords(rng, count);
      const packed = packFields(values, width);
      expect(packed.byteLength).toBe(packedBytes(count, width));
      const low = values.map((value) => value & (2 ** width - 1));
      expect(unpackFields(packed, count, width, 'test')).toEqual(low);
    }
  }
});

test('fields are packed least significant bit first', () => {
  expect([...packFields(Uint32Array.of(0b101, 0b011, 0b110), 3)]).toEqual([0b10_011_101, 0b1]);
  expect([...packBits(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 1))]).toEqual([1, 2]);
});

test('bits come back as they were packed', () => {
  const bits = seededRng('bits')
    .bytes(77)
    .map((byte) => byte & 1);
  expect(unpackBits(packBits(bits), 77, 'test')).toEqual(bits);
});

test('a wrong length and a bit after the end are refused by name', () => {
  const packed = packFields(Uint32Array.of(1, 2, 3), 5);
  expect(() => unpackFields(packed.subarray(1), 3, 5, 'd1')).toThrow(ProtocolError);
  expect(() => unpackFields(concatenate([packed, packed]), 3, 5, 'd1')).toThrow(
    'd1: expected 2 bytes, got 4',
  );
  packed[1]! |= 0x80;
  expect(() => unpackFields(packed, 3, 5, 'd1')).toThrow('d1: expected zero bits');
  expect(() => unpackBits(Uint8Array.of(0x80), 7, 'c')).toThrow(ProtocolError);
  expect(unpackBits(Uint8Array.of(0x80), 8, 'c')[7]).toBe(1);
});

test('bytes at any offset can be viewed as words', () => {
  const bytes = Uint8Array.of(9, 1, 0, 0, 0, 2, 0, 0, 0);
  expect([...asWords(bytes.subarray(1))]).toEqual([1, 2]);
});
