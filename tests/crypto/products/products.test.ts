import { waysOf } from '../../../crypto/ot/transfers.ts';
import { expect, test } from 'vitest';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import type { ChosenRows, OfferedRows } from '../../../crypto/ot/transfers.ts';
import {
  clientProducts,
  correctionBytes,
  productTransfers,
  serverProductKeys,
  serverProducts,
} from '../../../crypto/products/products.ts';
import { bothActivationWork } from '../../../crypto/steps/activation/work.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { loadPlanes } from '../../../crypto/ring/planes.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { idealTransfers } from '../../helpers/protocol/ideal-ot.ts';
import { seededRng } from '../../helpers/rng.ts';
import { coinsZ, sixSigma, wordsZ } from '../../helpers/statistics.ts';

const planes = await loadPlanes();

type Rows = {
  readonly chosen: ChosenRows;
  readonly offered: OfferedRows;
  readonly salt: Uint8Array;
  readonly delta: Uint32Array;
};

async function rowsFor(size: number, seed: string): Promise<Rows> {
  const [choosing, offering] = idealTransfers(seededRng(seed));
  const [near, far] = memoryChannels();
  const count = size * productTransfers;
  await Promise.all([choosing.prepare(waysOf(near), count), offering.prepare(waysOf(far), count)]);
  const [chosen, offered] = await Promise.all([choosing.take(count), offering.take(count)]);
  return { chosen, offered, salt: choosing.salt, delta: offering.delta };
}

function halves({ chosen, offered, salt, delta }: Rows, u: Uint32Array) {
  const server = serverProductKeys(planes, u.length, salt, chosen);
  const client = clientProducts(planes, salt, delta, offered, u);
  return { server, client };
}

const product = (a: number, b: number) => Math.imul(a, b) >>> 0;

test.each([1, 7, 128, 4096])(
  'P_C + P_S = u a for %i products, at the edges of the ring too',
  async (size) => {
    const u = randomWords(seededRng(size), size);
    u.set([0, 1, 0xffff_ffff, 0x8000_0000].slice(0, size));
    const { server, client } = halves(await rowsFor(size, `${size}`), u);
    expect(client.corrections.length).toBe(correctionBytes(size));
    const share = serverProducts(server, client.corrections);
    expect(client.share.map((word, i) => word + share[i]!)).toEqual(
      u.map((word, i) => product(word, server.a[i]!)),
    );
  },
);

test('a product takes 66 bytes', () => {
  expect(correctionBytes(4096)).toBe(66 * 4096);
});

test('S’s factors are its choices, and both parties’ shares are uniform', async () => {
  const size = 4096;
  const rows = await rowsFor(size, 'uniform');
  const { server, client } = halves(rows, new Uint32Array(size).fill(7));
  const bit = (i: number) => (rows.chosen.choices[i >> 3]! >> (i & 7)) & 1;
  for (const [i, a] of server.a.subarray(0, 50).entries()) {
    for (let k = 0; k < 32; k++) expect((a >>> k) & 1).toBe(bit(k * size + i));
  }
  for (const words of [server.a, client.share, serverProducts(server, client.corrections)]) {
    expect(wordsZ(words)).toBeLessThan(sixSigma);
  }
});

/** The corrections of bit 0 as words: 32 bits each. */
const ofBitZero = (corrections: Uint8Array, size: number) =>
  new Uint32Array(corrections.slice(0, 4 * size).buffer);

test('corrections are uniform to S, whatever the factors, beside the keys that it chose; without keys they are not', async () => {
  const size = 4096;
  for (const factor of [0, 0xffff_ffff]) {
    const u = new Uint32Array(size).fill(factor);
    const { server, client } = halves(await rowsFor(size, `view ${factor}`), u);
    const words = ofBitZero(client.corrections, size);
    expect(wordsZ(words)).toBeLessThan(sixSigma);
    const bits = client.corrections.subarray(-size / 8);
    expect(coinsZ(Array.from({ length: size }, (_, i) => bits[i >> 3]! >> (i & 7)))).toBeLessThan(sixSigma);
    // S's own key of bit 0 where its choices of all other bits are 0 would be its sum; the whole sum stands
    // in.
    expect(wordsZ(words.map((word, i) => word + server.keys[i]!))).toBeLessThan(sixSigma);
    expect(wordsZ(words.map((word, i) => word - server.keys[i]!))).toBeLessThan(sixSigma);
  }
  const rows = await rowsFor(size, 'bare');
  const bare = clientProducts(
    planes,
    rows.salt,
    new Uint32Array(4),
    rows.offered,
    new Uint32Array(size).fill(7),
  );
  expect(wordsZ(ofBitZero(bare.corrections, size))).toBeGreaterThan(2 * sixSigma);
});

test('other corrections change S’s share where its bit is set and nowhere else', async () => {
  const size = 64;
  const { server, client } = halves(await rowsFor(size, 'wrong'), randomWords(seededRng('u'), size));
  const right = serverProducts(server, client.corrections);
  const wrong = client.corrections.map((byte, i) => (i < 4 * size ? byte ^ 0xff : byte));
  const share = serverProducts(server, wrong);
  expect(share.map((word, i) => Number(word !== right[i]))).toEqual(server.a.map((a) => a & 1));
});

test('corrections of a wrong length, or with bits after the last one, are refused', async () => {
  const size = 3;
  const { server, client } = halves(await rowsFor(size, 'refused'), randomWords(seededRng('u'), size));
  expect(() => serverProducts(server, client.corrections.subarray(1))).toThrow(ProtocolError);
  const stray = client.corrections.slice();
  stray[stray.length - 1]! |= 0x80;
  expect(() => serverProducts(server, stray)).toThrow(ProtocolError);
});

test('a pool’s threads make the same of long batches', async () => {
  const size = 1000;
  const { chosen, offered, salt, delta } = await rowsFor(size, 'pool');
  const u = randomWords(seededRng('u'), size);
  const { server, client } = halves({ chosen, offered, salt, delta }, u);
  const pool = new ThreadPool(1);
  try {
    const work = await bothActivationWork(pool);
    expect(await work.clientProducts({ salt, delta, rows: offered, u })).toEqual(client);
    const keys = await work.serverProductKeys({ size, salt, rows: chosen });
    expect(keys).toEqual(server);
    const share = await work.serverProducts({ keys, corrections: client.corrections });
    expect(share).toEqual(serverProducts(server, client.corrections));
    const short = { keys, corrections: client.corrections.subarray(1) };
    await expect(work.serverProducts(short)).rejects.toThrow(ProtocolError);
  } finally {
    await pool.close();
  }
});
