import { expect, test } from 'vitest';
import { plaintextWords } from '../../../crypto/he/serial.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { seededRng } from '../../helpers/rng.ts';
import { plaintextBytes } from '../../helpers/protocol/seal.ts';

const words = randomWords(seededRng('serial'), 20);

test('the words of a saved plaintext are read', () => {
  expect(plaintextWords(plaintextBytes(words))).toEqual(words);
});

test('another format is an error', () => {
  const bytes = plaintextBytes(words);
  const flipped = (at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
  // Of both headers: magic, header size, version, compression, size.
  for (const at of [0, 1, 2, 3, 4, 5, 8, 12].flatMap((offset) => [offset, 64 + offset])) {
    expect(() => plaintextWords(flipped(at)), `byte ${at}`).toThrow(/node-seal: expected/);
  }
  expect(() => plaintextWords(bytes.slice(0, -8))).toThrow(/node-seal: expected/);
});
