import { afterAll, expect, test, vi } from 'vitest';
import { HeServer, linearNoiseHeadroomBits } from '../../../crypto/he/linear.ts';
import { heapOf } from '../../../crypto/he/heap.ts';
import { publicKeyBytes } from '../../../crypto/he/keys.ts';
import { shareWeights } from '../../../crypto/he/shared.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import {
  linearOfflineClient,
  linearOfflineServer,
  requestBytes,
  responseBytes,
} from '../../../crypto/steps/linear.ts';
import { inputElements, outputElements } from '../../../crypto/spec.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import { exchangesOf } from '../../../crypto/he/exchange.ts';
import { layoutOf } from '../../../crypto/he/layout.ts';
import { PlanError, ProtocolError } from '../../../src/shared/errors.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { convolution, randomWeights } from '../../helpers/protocol/convolution.ts';
import { seedParts } from '../../helpers/protocol/he.ts';
import { expectWithinOne } from '../../helpers/protocol/within-one.ts';
import { linearParties, sum } from './linear-parties.ts';

const { rng, pool, client, server, offline, exchange } = await linearParties('steps/linear, peers');
const ring = await loadRing();
afterAll(() => pool.close());

/** Exchanges of few ciphertexts, and parts that end within them. */
const most = 100_000;

test('a client whose layer fails encrypts no more of it: not one exchange is left in work', async () => {
  // Answers are larger than requests, so that a part of the request takes several exchanges.
  const spec = convolution(1, 20, 200, 3);
  const exchanges = exchangesOf(layoutOf(spec), most).length;
  expect(exchanges).toBeGreaterThan(8);
  expect(requestBytes(spec) / exchanges).toBeLessThan(most / 2);
  const [a, b] = memoryChannels();
  const encrypt = vi.spyOn(client, 'encrypt');
  try {
    await b.send(tags.linearResponse, 5, new Uint8Array(7));
    const failing = linearOfflineClient(client, a, 5, spec, new Uint32Array(inputElements(spec)), most);
    await expect(failing).rejects.toThrow(/step 5: expected linearResponse/);
    const begun = encrypt.mock.calls.length;
    expect(begun).toBeLessThan(exchanges);
    expect(encrypt.mock.settledResults.filter(({ type }) => type === 'incomplete')).toEqual([]);
    // The pool would do what is left before this.
    const own = convolution(1, 1, 3, 1);
    await client.encrypt(own, new Uint32Array(inputElements(own)));
    expect(encrypt).toHaveBeenCalledTimes(begun + 1);
    expect(a.traffic.framesSent).toBe(0);
  } finally {
    encrypt.mockRestore();
  }
});

test('garbage from the peer is a ProtocolError that names the step, and the pool goes on', async () => {
  const spec = convolution(2, 2, 6, 3);
  const weights = randomWeights(rng, spec);
  const garbage = (length: number) => new Uint8Array(length).fill(0xff);
  const asServer = async (payload: Uint8Array) => {
    const [a, b] = memoryChannels();
    await a.send(tags.linearRequest, 5, payload);
    return linearOfflineServer(server, b, 5, spec, 'garbage', weights);
  };
  const asClient = async (payload: Uint8Array) => {
    const [a, b] = memoryChannels();
    await b.send(tags.linearResponse, 5, payload);
    return linearOfflineClient(client, a, 5, spec, new Uint32Array(inputElements(spec)));
  };
  await expect(asServer(garbage(requestBytes(spec)))).rejects.toThrow(
    /step 5: linear request: .*residues below/,
  );
  for (const [attempt, bytes] of [
    [asServer, requestBytes(spec)],
    [asClient, responseBytes(spec)],
  ] as const) {
    await expect(attempt(garbage(bytes - 1))).rejects.toThrow(/step 5: expected linear/);
    await expect(attempt(garbage(bytes + 8))).rejects.toThrow(ProtocolError);
  }
  // Every answer of the right length means something.
  await expect(asClient(garbage(responseBytes(spec)))).resolves.toHaveLength(outputElements(spec));
  await expect(server.respond(spec, 'garbage', weights, garbage(7))).rejects.toThrow(ProtocolError);
  await expect(client.decrypt(spec, garbage(7))).rejects.toThrow(ProtocolError);
  const input = randomWords(rng, inputElements(spec));
  const { c, s } = await offline(spec, 'after-garbage', weights, input);
  expectWithinOne(sum(c, s), ring.conv(spec, weights, input));
});

test('the heap of a pool does not grow with the number of inferences', async () => {
  const spec = convolution(8, 8, 12, 3);
  const weights = randomWeights(rng, spec);
  const input = randomWords(rng, inputElements(spec));
  const run = () => exchange(client, server, spec, 'again', weights, input);
  await run();
  const { memory } = heapOf(pool).heap;
  const before = memory.buffer.byteLength;
  for (let i = 0; i < 40; i++) await run();
  expect(memory.buffer.byteLength).toBe(before);
});

test('no linear step after the first takes an array of its own in memory that threads share', async () => {
  // Such an array stays until every thread has collected its garbage, which knows nothing of its size.
  const spec = convolution(8, 8, 12, 3);
  const weights = shareWeights(randomWeights(rng, spec));
  const input = randomWords(rng, inputElements(spec));
  const run = () => exchange(client, server, spec, 'in place', weights, input);
  await run();
  const made = vi.spyOn(globalThis, 'SharedArrayBuffer');
  try {
    await run();
    expect(made).not.toHaveBeenCalled();
  } finally {
    made.mockRestore();
  }
});

test('shares and masks do not stay in the memory of the pool', async () => {
  const spec = convolution(3, 4, 9, 3);
  const weights = randomWeights(rng, spec);
  const input = randomWords(rng, inputElements(spec));
  const request = await client.encrypt(spec, input);
  const { response, shares } = await server.respond(spec, 'gone', weights, request);
  const own = await client.decrypt(spec, response);
  const memory = new Uint32Array(heapOf(pool).heap.memory.buffer);
  for (const secret of [input, shares, own]) {
    const start = secret.subarray(0, 8);
    const at = memory.findIndex((word, i) => word === start[0] && start.every((w, k) => memory[i + k] === w));
    expect(at).toBe(-1);
  }
});

test('a malformed public key is refused at the start', async () => {
  const bytes = publicKeyBytes(1);
  const parts = seedParts(rng);
  const garbage = new Uint8Array(bytes).fill(0xff);
  await expect(HeServer.create(pool, garbage, parts)).rejects.toThrow(
    /linear public key: expected residues below/,
  );
  await expect(HeServer.create(pool, garbage.slice(1), parts)).rejects.toThrow(ProtocolError);
  await expect(HeServer.create(pool, garbage, parts, { linearKeys: 2 })).rejects.toThrow(ProtocolError);
  const late = new Uint8Array(bytes).fill(0xff, bytes - 4000, bytes - 1000);
  await expect(HeServer.create(pool, late, parts)).rejects.toThrow(/linear public key/);
});

test('a thread that dies takes one job with it and is replaced', async () => {
  const spec = convolution(16, 16, 28, 3);
  const weights = randomWeights(rng, spec);
  const request = await client.encrypt(spec, randomWords(rng, inputElements(spec)));
  const response = server.respond(spec, 'killed', weights, request);
  const outcome = expect(response).rejects.toThrow(Error);
  await pool.terminateThread(0);
  await outcome;
  const small = convolution(1, 2, 5, 3);
  for (let i = 0; i < 3; i++) {
    const input = randomWords(rng, inputElements(small));
    const own = randomWeights(rng, small);
    const { c, s } = await offline(small, `after-death-${i}`, own, input);
    expectWithinOne(sum(c, s), ring.conv(small, own, input));
  }
});

test("the caller's own mistakes are told apart", async () => {
  const spec = convolution(2, 2, 6, 3);
  const weights = randomWeights(rng, spec);
  const request = new Uint8Array(requestBytes(spec));
  weights[5] = 2 ** spec.weightBits;
  await expect(server.respond(spec, 'large', weights, request)).rejects.toThrow(PlanError);
  await expect(server.respond(spec, 'short', weights.slice(1), request)).rejects.toThrow(RangeError);
  await expect(client.encrypt(spec, new Uint32Array(3))).rejects.toThrow(/expected 72, got 3/);
  expect(() => linearNoiseHeadroomBits({ ...spec, weightBits: 25 })).toThrow(/bits too few/);
  expect(linearNoiseHeadroomBits(spec)).toBeGreaterThan(linearNoiseHeadroomBits({ ...spec, weightBits: 9 }));
});
