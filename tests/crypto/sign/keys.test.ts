import { waysOf } from '../../../crypto/ot/transfers.ts';
import { createCipheriv } from 'node:crypto';
import { expect, test } from 'vitest';
import { rowKey, rowsPerKey } from '../../../crypto/hash.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { blockWork } from '../../../crypto/ot/block-work.ts';
import { loadColumns } from '../../../crypto/ring/columns.ts';
import { loadPlanes } from '../../../crypto/ring/planes.ts';
import { wordKeys } from '../../../crypto/sign/keys.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { dealtTransfers } from '../../helpers/protocol/dealt-ot.ts';
import { seededRng } from '../../helpers/rng.ts';
import { sixSigma, wordsZ } from '../../helpers/statistics.ts';

const planes = await loadPlanes();
const none = new Uint32Array(4);

/** sigma(x) as the paper writes it: x = xL || xR, words 0 and 1 are xL. */
function sigma(x: Uint32Array): Buffer {
  const left = (BigInt(x[1]!) << 32n) | BigInt(x[0]!);
  const right = (BigInt(x[3]!) << 32n) | BigInt(x[2]!);
  const block = Buffer.alloc(16);
  block.writeBigUInt64LE(left ^ right, 0);
  block.writeBigUInt64LE(left, 8);
  return block;
}

/** The low word of H(x, tweak), one block at a time with big integers. */
function hashDirect(x: Uint32Array, tweak: number, salt: Uint8Array): number {
  const key = Buffer.from(salt);
  key.writeUInt32LE((key.readUInt32LE(0) ^ tweak) >>> 0, 0);
  const block = sigma(x);
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  return (cipher.update(block).readUInt32LE(0) ^ block.readUInt32LE(0)) >>> 0;
}

test('H is AES_{salt xor i}(sigma(x)) xor sigma(x), with the i of the row’s position: a new one every 4,096', () => {
  const rng = seededRng('hash');
  const salt = rng.bytes(16);
  const [rows, delta] = [randomWords(rng, 4 * (rowsPerKey + 3)), randomWords(rng, 4)];
  const first = 3 * rowsPerKey - 2;
  const [plain, moved] = wordKeys(planes, salt, { first, rows }, [none, delta]);
  for (const i of [0, 1, 2, 3, rowsPerKey + 1, rowsPerKey + 2]) {
    const row = rows.slice(4 * i, 4 * i + 4);
    const tweak = Math.floor((first + i) / rowsPerKey);
    expect(plain![i], `row ${i}`).toBe(hashDirect(row, tweak, salt));
    expect(moved![i]).toBe(
      hashDirect(
        row.map((word, w) => word ^ delta[w]!),
        tweak,
        salt,
      ),
    );
  }
});

test('sigma is linear, and sigma(x) + x is a bijection too', () => {
  const rng = seededRng('sigma');
  const [x, y] = [randomWords(rng, 4), randomWords(rng, 4)];
  const apply = (row: Uint32Array) => new Uint32Array(new Uint8Array(sigma(row)).buffer);
  const sum = (a: Uint32Array, b: Uint32Array) => a.map((word, i) => word ^ b[i]!);
  expect(apply(sum(x, y))).toEqual(sum(apply(x), apply(y)));
  // sigma^2 = sigma + 1, so sigma (sigma + 1) = 1 over GF(2): both have an inverse, sigma is an
  // orthomorphism.
  expect(apply(apply(x))).toEqual(sum(apply(x), x));
});

test('every position’s key number, block and salt give another function; a salt has 16 bytes and stays', () => {
  const rng = seededRng('salts');
  const [one, two] = [rng.bytes(16), Buffer.from(rng.bytes(16))];
  const before = String(one);
  const functions = [
    rowKey(one, 0, 0),
    rowKey(one, 1, 0),
    rowKey(one, 2 ** 32, 0),
    rowKey(one, 0, 1),
    rowKey(two, 0, 0),
    rowKey(two, 1, 0),
  ];
  const block = rng.bytes(16);
  expect(new Set(functions.map((encrypt) => String(encrypt(block)))).size).toBe(6);
  expect(String(one)).toBe(before);
  expect(() => rowKey(one.subarray(1), 0, 0)).toThrow(RangeError);
});

test('random transfers: the chosen key of each pair, the other unrelated', async () => {
  const [choosing, offering] = dealtTransfers(seededRng('keys'), blockWork(await loadColumns()));
  const [near, far] = memoryChannels();
  const count = 20_000;
  await Promise.all([choosing.prepare(waysOf(near), count), offering.prepare(waysOf(far), count)]);
  const { first, rows, choices } = await choosing.take(count);
  const offered = await offering.take(count);
  const [chosen] = wordKeys(planes, choosing.salt, { first, rows }, [none]);
  const [k0, k1] = wordKeys(planes, offering.salt, offered, [none, offering.delta]) as [
    Uint32Array,
    Uint32Array,
  ];
  expect(chosen).toEqual(k0.map((key, i) => ((choices[i >> 3]! >> (i & 7)) & 1 ? k1[i]! : key)));
  for (const words of [k0, k1, k0.map((key, i) => key ^ k1[i]!), k0.map((key, i) => key - k1[i]!)]) {
    expect(wordsZ(words)).toBeLessThan(sixSigma);
  }
});
