import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GeneratedKeys } from '../../../crypto/he/key-jobs.ts';
import { ciphertextSpace } from '../../../crypto/he/engine.ts';
import { growBy } from '../../../crypto/he/kernels.ts';
import { linearRequestBytes } from '../../../crypto/he/linear.ts';
import { productRequestBytes, productResponseBytes } from '../../../crypto/he/product.ts';
import { loadSeal, productScheme, resetSeal } from '../../../crypto/he/seal.ts';
import { perform } from '../../../crypto/worker/perform.ts';
import type { Outcome, Task } from '../../../crypto/pool/pool.ts';
import { convolution } from '../../helpers/convolution.ts';
import { heSession, heTools, newHeap } from '../../helpers/he.ts';
import { seededRng } from '../../helpers/rng.ts';

/** What a pool's thread does, done in the test's thread. */
async function run(task: Task): Promise<Outcome> {
  return (await perform(task, heTools)).outcome;
}

const rng = seededRng('worker');
const heap = newHeap();
let session: Awaited<ReturnType<typeof heSession>>;
beforeAll(async () => {
  session = await heSession(rng, heap);
});
afterAll(resetSeal);

const u = Uint32Array.of(3, 5, 2 ** 31);
const a = Uint32Array.of(7, 11, 2 ** 32 - 1);
const slots = () => [new Float64Array(8192), new Float64Array(8192)] as const;

async function request(): Promise<Uint8Array> {
  const bytes = new Uint8Array(productRequestBytes(u.length));
  const job = { session: session.client, u, from: 0, to: 2, request: bytes };
  expect(await run({ name: 'encryptProduct', input: job })).toEqual({ value: undefined });
  return bytes;
}

function respond(bytes: Uint8Array, response: Uint8Array) {
  const job = { session: session.server, a, request: bytes, masks: slots(), response, from: 0, to: 2 };
  return run({ name: 'respondProduct', input: job });
}

test('after a trap in WASM the thread has another SEAL, and the same keys serve on', async () => {
  const response = new Uint8Array(productResponseBytes(u.length));
  const bytes = await request();
  expect(await respond(bytes, response)).toEqual({ value: undefined });

  const before = await loadSeal();
  const { evaluator } = await productScheme(0);
  // A handle that points beyond the heap: the next call traps, as a broken heap would.
  (evaluator as unknown as { $$: { ptr: number } }).$$.ptr = 0xffff_fff0;
  expect(await respond(bytes, response)).toEqual({
    failure: expect.stringMatching(/out of bounds/) as string,
  });

  expect(await loadSeal()).not.toBe(before);
  expect(await respond(await request(), response)).toEqual({ value: undefined });
  const residues = slots();
  const job = { session: session.client, response, residues, from: 0, to: 2 };
  expect(await run({ name: 'decryptProduct', input: job })).toEqual({ value: undefined });
  // Below both primes, which have 52 bits, the first residue is the product.
  expect([...residues[0].subarray(0, 2)]).toEqual([21, 55]);
});

test('a malformed message is the peer’s fault and costs the thread nothing', async () => {
  const before = await loadSeal();
  const spec = convolution(2, 3, 6, 3);
  const bytes = new Uint8Array(linearRequestBytes(spec)).fill(0xff);
  const inputs = growBy(heap.memory, ciphertextSpace);
  const input = { heap, spec, request: bytes, first: 0, inputs, from: 0, to: 1 };
  expect(await run({ name: 'readLinear', input })).toEqual({
    peerFault: expect.stringMatching(/^linear request: expected residues/) as string,
  });
  const product = new Uint8Array(productRequestBytes(u.length)).fill(0xff);
  expect(await respond(product, new Uint8Array(productResponseBytes(u.length)))).toEqual({
    peerFault: expect.stringMatching(/^product request: expected residues/) as string,
  });
  expect(await loadSeal()).toBe(before);
});

test('keys leave the thread without a copy', async () => {
  const { outcome, moved } = await perform({ name: 'generateKeys', input: { heap } }, heTools);
  const { linear, product, productPublic } = (outcome as { value: GeneratedKeys }).value;
  expect(moved).toEqual([linear.buffer, product.buffer, productPublic.buffer]);
});
