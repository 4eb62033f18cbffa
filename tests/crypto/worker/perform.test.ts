import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateKeys } from '../../../crypto/he/key-jobs.ts';
import type { GeneratedKeys } from '../../../crypto/he/key-jobs.ts';
import { linearRequestBytes, linearResponseBytes } from '../../../crypto/he/linear.ts';
import { linearScheme, loadSeal, resetSeal } from '../../../crypto/he/seal.ts';
import { inputElements, outputElements } from '../../../crypto/spec.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import { perform } from '../../../crypto/worker/perform.ts';
import type { Outcome, Task } from '../../../crypto/pool/pool.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { convolution, directConvolution, randomWeights } from '../../helpers/convolution.ts';
import { seededRng } from '../../helpers/rng.ts';

/** What a pool's thread does, done in the test's thread. */
const ring = await loadRing();
async function run(task: Task): Promise<Outcome> {
  return (await perform(task, { ring })).outcome;
}

const rng = seededRng('worker');
const spec = convolution(2, 3, 6, 3);
const input = randomWords(rng, inputElements(spec));
const weights = randomWeights(rng, spec);
let keys: GeneratedKeys;
beforeAll(async () => {
  keys = await generateKeys();
});
afterAll(resetSeal);

const client = () => ({ id: 'worker', linear: keys.linear, product: keys.product });

async function request(): Promise<Uint8Array> {
  const bytes = new Uint8Array(linearRequestBytes(spec));
  const job = { session: client(), spec, input, from: 0, to: 1, request: bytes };
  expect(await run({ name: 'encryptLinear', input: job })).toEqual({ value: undefined });
  return bytes;
}

function respond(bytes: Uint8Array, response: Uint8Array) {
  const mask = new Uint32Array(outputElements(spec));
  const session = { id: 'worker', publicKey: keys.publicKey };
  const job = { session, spec, weightsId: 'worker', weightCacheBytes: 2 ** 20, weights, request: bytes };
  return run({ name: 'respondLinear', input: { ...job, mask, from: 0, to: 1, response } });
}

test('after a trap in WASM the thread has another SEAL, and the same keys and weights serve on', async () => {
  const response = new Uint8Array(linearResponseBytes(spec));
  const bytes = await request();
  expect(await respond(bytes, response)).toEqual({ value: undefined });

  const before = await loadSeal();
  const { evaluator } = await linearScheme();
  // A handle that points beyond the heap: the next call traps, as a broken heap would.
  (evaluator as unknown as { $$: { ptr: number } }).$$.ptr = 0xffff_fff0;
  expect(await respond(bytes, response)).toEqual({
    failure: expect.stringMatching(/out of bounds/) as string,
  });

  expect(await loadSeal()).not.toBe(before);
  expect(await respond(await request(), response)).toEqual({ value: undefined });
  const output = new Uint32Array(outputElements(spec));
  const job = { session: client(), spec, response, from: 0, to: 1, output };
  expect(await run({ name: 'decryptLinear', input: job })).toEqual({ value: undefined });
  expect(output).toEqual(directConvolution(spec, weights, input));
});

test('a malformed message is the peer’s fault and costs the thread nothing', async () => {
  const before = await loadSeal();
  const bytes = new Uint8Array(linearRequestBytes(spec)).fill(0xff);
  const outcome = await respond(bytes, new Uint8Array(linearResponseBytes(spec)));
  expect(outcome).toEqual({
    peerFault: expect.stringMatching(/^linear request: expected residues/) as string,
  });
  expect(await loadSeal()).toBe(before);
});

test('keys leave the thread without a copy', async () => {
  const { outcome, moved } = await perform({ name: 'generateKeys', input: undefined }, { ring });
  const { linear, product, publicKey } = (outcome as { value: GeneratedKeys }).value;
  expect(moved).toEqual([linear.buffer, product.buffer, publicKey.buffer]);
});
