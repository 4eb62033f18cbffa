import { createCipheriv } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashRows, hashRowsWith, instancesPerKey, sigma, TweakedCipher, Tweaks } from '../../crypto/hash.ts';
import { randomWords } from '../../src/shared/random.ts';
import { seededRng } from '../helpers/rng.ts';

/**
 * H(x, i) as the paper writes it, one block at a time with big integers: x = xL || xR, words 0 and 1 are xL.
 */
function hashDirect(x: Uint32Array, tweak: number, salt: Uint8Array): Uint8Array {
  const key = Buffer.from(salt);
  key.writeUInt32LE((key.readUInt32LE(0) ^ tweak) >>> 0, 0);
  const left = (BigInt(x[1]!) << 32n) | BigInt(x[0]!);
  const right = (BigInt(x[3]!) << 32n) | BigInt(x[2]!);
  const block = Buffer.alloc(16);
  block.writeBigUInt64LE(left ^ right, 0);
  block.writeBigUInt64LE(left, 8);
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  return cipher.update(block).map((byte, i) => byte ^ block[i]!);
}

const lowWord = (bytes: Uint8Array) => Buffer.from(bytes).readUInt32LE(0);

test('H is AES_{salt xor i}(sigma(x)) xor sigma(x), a new i every 4,096 rows and every call', () => {
  const rng = seededRng('hash');
  const salt = rng.bytes(16);
  const rows = randomWords(rng, 4 * (instancesPerKey + 3));
  const cipher = new TweakedCipher(salt);
  const [first, second] = [hashRows(cipher, rows), hashRows(cipher, rows.subarray(0, 8))];
  for (const i of [0, 1, instancesPerKey - 1, instancesPerKey, instancesPerKey + 2]) {
    const tweak = i < instancesPerKey ? 0 : 1;
    expect(first[i]).toBe(lowWord(hashDirect(rows.subarray(4 * i), tweak, salt)));
  }
  expect(second[1]).toBe(lowWord(hashDirect(rows.subarray(4), 2, salt)));
});

test('offsets share a tweak: H(x) and H(x xor Delta)', () => {
  const rng = seededRng('offsets');
  const salt = rng.bytes(16);
  const [rows, delta] = [randomWords(rng, 8), randomWords(rng, 4)];
  const [plain, moved] = hashRowsWith(new TweakedCipher(salt), rows, [new Uint32Array(4), delta]);
  const movedRow = rows.subarray(4).map((word, i) => word ^ delta[i]!);
  expect(plain![1]).toBe(lowWord(hashDirect(rows.subarray(4), 0, salt)));
  expect(moved![1]).toBe(lowWord(hashDirect(movedRow, 0, salt)));
});

test('sigma is linear, and sigma(x) + x is a bijection too', () => {
  const apply = (x: Uint32Array) => {
    const out = new Uint32Array(4);
    sigma(x, 0, 1, new Uint32Array(4), out);
    return out;
  };
  const rng = seededRng('sigma');
  const [x, y] = [randomWords(rng, 4), randomWords(rng, 4)];
  const sum = x.map((word, i) => word ^ y[i]!);
  expect(apply(sum)).toEqual(apply(x).map((word, i) => word ^ apply(y)[i]!));
  // sigma^2 = sigma + 1, so sigma (sigma + 1) = 1 over GF(2): both have an inverse, sigma is an orthomorphism.
  expect(apply(apply(x))).toEqual(apply(x).map((word, i) => word ^ x[i]!));
});

test('a tweak is handed out once', () => {
  const tweaks = new Tweaks();
  expect([tweaks.take(), tweaks.take(), tweaks.take()]).toEqual([0, 1, 2]);
});

test('another salt gives another function; a salt has 16 bytes', () => {
  const rng = seededRng('salts');
  const rows = randomWords(rng, 4);
  const [one, two] = [rng.bytes(16), rng.bytes(16)];
  expect(hashRows(new TweakedCipher(one), rows)).not.toEqual(hashRows(new TweakedCipher(two), rows));
  expect(() => new TweakedCipher(one.subarray(1))).toThrow(RangeError);
});
