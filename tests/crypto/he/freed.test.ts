import { afterAll, beforeAll, expect, test } from 'vitest';
import { decryptProduct, encryptProduct, respondProduct } from '../../../crypto/he/product-jobs.ts';
import { productRequestBytes, productResponseBytes } from '../../../crypto/he/product.ts';
import { loadSeal, resetSeal } from '../../../crypto/he/seal.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { heSession } from '../../helpers/he.ts';
import { seededRng } from '../../helpers/rng.ts';

/**
 * WASM objects are freed by hand: one forgotten where a hostile message is refused, 130 KB a ciphertext,
 * fills a thread's heap of 4 GiB after some ten thousand such messages, for every session of the pool. Here
 * SEAL runs in the test's thread, counted.
 */
const rng = seededRng('freed');
let session: Awaited<ReturnType<typeof heSession>>;
let live = 0;

type Handle = { delete(): void };
type Class = new () => Handle;

/** Counts the objects of a SEAL class from birth to `delete`. */
function counted(make: Class): Class {
  return new Proxy(make, {
    construct(target) {
      const handle = new target();
      const inherited = handle.delete.bind(handle);
      const free = () => {
        live--;
        inherited();
      };
      live++;
      return Object.assign(handle, { delete: free, [Symbol.dispose]: free });
    },
  });
}

beforeAll(async () => {
  const seal = await loadSeal();
  for (const name of ['Ciphertext', 'Plaintext'] as const) {
    Object.assign(seal, { [name]: counted(seal[name] as Class) });
  }
  session = await heSession(rng);
});
afterAll(resetSeal);

const server = () => session.server;
const client = () => session.client;

/** Live objects before and after `work`, once caches are warm. */
async function left(work: () => Promise<unknown>): Promise<number> {
  await work();
  const before = live;
  await work();
  return live - before;
}

test('the counter counts', async () => {
  const seal = await loadSeal();
  const before = live;
  const kept = new seal.Ciphertext();
  expect(live).toBe(before + 1);
  kept.delete();
  expect(live).toBe(before);
});

test('products: a malformed request or response leaves nothing behind', async () => {
  const n = 10;
  const request = new Uint8Array(productRequestBytes(n));
  await encryptProduct({ session: client(), u: randomWords(rng, n), request, from: 0, to: 2 });
  const masks = [new Float64Array(n), new Float64Array(n)] as const;
  const response = new Uint8Array(productResponseBytes(n));
  const a = randomWords(rng, n);
  const ask = (bytes: Uint8Array) =>
    respondProduct({ session: server(), a, request: bytes, masks, response, from: 0, to: 2 });
  expect(await left(() => ask(request))).toBe(0);
  const bad = request.slice().fill(0xff, request.length - 40_000);
  expect(await left(() => expect(ask(bad)).rejects.toThrow(ProtocolError))).toBe(0);
  const residues = [new Float64Array(8192), new Float64Array(8192)] as const;
  const read = () =>
    decryptProduct({ session: client(), response: response.fill(0xff), residues, from: 0, to: 2 });
  expect(await left(() => expect(read()).rejects.toThrow(ProtocolError))).toBe(0);
});
