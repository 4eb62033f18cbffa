import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HeClient, HeServer } from '../../../crypto/he/linear.ts';
import { decryptProducts, encryptProducts, respondProducts } from '../../../crypto/he/product.ts';
import { heJobs } from '../../../crypto/he/jobs.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { heSetupClient, heSetupServer } from '../../../crypto/steps/linear.ts';
import {
  productOfflineClient,
  productOfflineServer,
  productRequestBytes,
  productResponseBytes,
} from '../../../crypto/steps/product.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { seededRng } from '../../helpers/rng.ts';
import { residuesZ, sixSigma, wordsZ } from '../../helpers/statistics.ts';

const rng = seededRng('steps/product');
const pool = new ThreadPool(2);
let client: HeClient;
let server: HeServer;

beforeAll(async () => {
  const [a, b] = memoryChannels();
  [client, server] = await Promise.all([heSetupClient(pool, a, 0, rng), heSetupServer(pool, b, 0, rng)]);
});
afterAll(() => pool.close());

async function products(u: Uint32Array, a: Uint32Array) {
  const [x, y] = memoryChannels();
  const [c, s] = await Promise.all([
    productOfflineClient(client, x, 4, u),
    productOfflineServer(server, y, 4, a, rng),
  ]);
  expect(x.traffic.sent).toBe(16 + productRequestBytes(u.length));
  expect(x.traffic.received).toBe(16 + productResponseBytes(u.length));
  return { c, s };
}

/** Shares that add up to u a, and are each spread over the ring. */
async function expectProducts(u: Uint32Array, a: Uint32Array) {
  const { c, s } = await products(u, a);
  expect(c.map((value, i) => value + s[i]!)).toEqual(u.map((value, i) => Math.imul(value, a[i]!)));
  return { c, s };
}

test('the shares add up to the products, for one element and for more than a ciphertext', async () => {
  for (const n of [1, 100, 8192, 8193]) await expectProducts(randomWords(rng, n), randomWords(rng, n));
});

test('the shares add up for the largest values, zeros and ones', async () => {
  const edges = [0, 1, 2 ** 31, 2 ** 32 - 1];
  const u = Uint32Array.from({ length: 16 }, (_, i) => edges[i >> 2]!);
  const a = Uint32Array.from({ length: 16 }, (_, i) => edges[i & 3]!);
  await expectProducts(u, a);
  await expectProducts(new Uint32Array(50), new Uint32Array(50));
  await expectProducts(u, new Uint32Array(16));
});

test('shares are fresh every time', async () => {
  const n = 1000;
  const [u, a] = [randomWords(rng, n), randomWords(rng, n)];
  const [first, second] = [await expectProducts(u, a), await expectProducts(u, a)];
  for (const party of ['c', 's'] as const) {
    expect(first[party].filter((value, i) => value === second[party][i]).length).toBeLessThan(5);
    // Top bits of 1,000 uniform words: 500 ones, deviation 16.
    const ones = first[party].filter((value) => value >= 2 ** 31).length;
    expect(Math.abs(ones - 500)).toBeLessThan(6 * 16);
  }
});

test('each share is uniform for fixed factors; without rho the client’s is u a', async () => {
  const n = 8192;
  const u = new Uint32Array(n).fill(0x89ab_cdef);
  for (const factor of [0, 1, 0xffff_fff1]) {
    const a = new Uint32Array(n).fill(factor);
    const { c, s } = await expectProducts(u, a);
    for (const share of [c, s]) expect(wordsZ(share)).toBeLessThan(sixSigma);
  }
  const a = new Uint32Array(n).fill(7);
  const zeros = { bytes: (count: number) => new Uint8Array(count) };
  const { response } = await respondProducts(server, a, await encryptProducts(client, u), zeros);
  expect(await decryptProducts(client, response, n)).toEqual(u.map((word) => Math.imul(word, 7)));
});

test('slots that no element has are uniform too', async () => {
  const n = 10;
  const u = randomWords(rng, n);
  const { response } = await respondProducts(server, u, await encryptProducts(client, u), rng);
  const slots = () => new Float64Array(new SharedArrayBuffer(8 * 8192));
  const residues = [slots(), slots()] as const;
  await pool.run(heJobs.decryptProduct, { session: client.session, response, residues, from: 0, to: 2 });
  residues.forEach((seen, i) => {
    expect(residuesZ(seen.subarray(n), client.productModuli[i]!)).toBeLessThan(sixSigma);
  });
});

test('garbage from the peer is a ProtocolError that names the step, and the pool goes on', async () => {
  const n = 10;
  const a = randomWords(rng, n);
  for (const length of [productRequestBytes(n), productRequestBytes(n) - 1]) {
    const [x, y] = memoryChannels();
    await x.send(tags.productRequest, 6, new Uint8Array(length).fill(0xff));
    await expect(productOfflineServer(server, y, 6, a, rng)).rejects.toThrow(/step 6: /);
  }
  for (const length of [productResponseBytes(n), productResponseBytes(n) + 1]) {
    const [x, y] = memoryChannels();
    await y.send(tags.productResponse, 6, new Uint8Array(length).fill(0xff));
    await expect(productOfflineClient(client, x, 6, a)).rejects.toThrow(ProtocolError);
  }
  await expectProducts(randomWords(rng, n), a);
});
