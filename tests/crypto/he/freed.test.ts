import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateKeys } from '../../../crypto/he/key-jobs.ts';
import { linearRequestBytes, linearResponseBytes } from '../../../crypto/he/linear.ts';
import { decryptLinear, encryptLinear, respondLinear } from '../../../crypto/he/linear-jobs.ts';
import { decryptProduct, encryptProduct, respondProduct } from '../../../crypto/he/product-jobs.ts';
import { productRequestBytes, productResponseBytes } from '../../../crypto/he/product.ts';
import { loadSeal, resetSeal } from '../../../crypto/he/seal.ts';
import { inputElements, outputElements } from '../../../crypto/spec.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { convolution, randomWeights } from '../../helpers/convolution.ts';
import { seededRng } from '../../helpers/rng.ts';

/**
 * WASM objects are freed by hand: one forgotten where a hostile message is refused, 130 KB a ciphertext,
 * fills a thread's heap of 4 GiB after some ten thousand such messages, for every session of the pool. Here
 * SEAL runs in the test's thread, counted.
 */
const rng = seededRng('freed');
const spec = convolution(64, 4, 14, 3);
let keys: Awaited<ReturnType<typeof generateKeys>>;
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
  keys = await generateKeys();
});
afterAll(resetSeal);

const server = () => ({ id: 'freed', publicKey: keys.publicKey });
const client = () => ({ id: 'freed', linear: keys.linear, product: keys.product });

/** Live objects before and after `work`, once caches are warm. */
async function left(work: () => Promise<unknown>): Promise<number> {
  await work();
  const before = live;
  await work();
  return live - before;
}

async function linearRequest(): Promise<Uint8Array> {
  const request = new Uint8Array(linearRequestBytes(spec));
  const input = randomWords(rng, inputElements(spec));
  const to = request.length / linearRequestBytes(convolution(1, 1, 1, 1));
  await encryptLinear({ session: client(), spec, input, from: 0, to, request });
  return request;
}

function respond(request: Uint8Array): Promise<void> {
  const response = new Uint8Array(linearResponseBytes(spec));
  const mask = randomWords(rng, outputElements(spec));
  const weights = randomWeights(rng, spec);
  const cache = { weightsId: 'freed', weightCacheBytes: 0 };
  return respondLinear({
    session: server(),
    spec,
    ...cache,
    weights,
    request,
    mask,
    from: 0,
    to: 1,
    response,
  });
}

test('the counter counts', async () => {
  const seal = await loadSeal();
  const before = live;
  const kept = new seal.Ciphertext();
  expect(live).toBe(before + 1);
  kept.delete();
  expect(live).toBe(before);
});

test('linear: a request that is good, bad at once, or bad in its last ciphertext leaves nothing behind', async () => {
  const request = await linearRequest();
  expect(request.length).toBeGreaterThan(2 * linearRequestBytes(convolution(1, 1, 1, 1)));
  expect(await left(() => respond(request))).toBe(0);
  for (const from of [0, request.length - 20_000]) {
    const bad = request.slice().fill(0xff, from, from + 100);
    expect(await left(() => expect(respond(bad)).rejects.toThrow(ProtocolError))).toBe(0);
  }
});

test('linear: a malformed response leaves nothing behind', async () => {
  const response = new Uint8Array(linearResponseBytes(spec)).fill(0xff);
  const output = new Uint32Array(outputElements(spec));
  const job = { session: client(), spec, response, from: 0, to: 1, output };
  expect(await left(() => expect(decryptLinear(job)).rejects.toThrow(ProtocolError))).toBe(0);
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
