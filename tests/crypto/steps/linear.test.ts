import { afterAll, beforeAll, expect, test } from 'vitest';
import { HeClient, HeServer, linearCost, linearNoiseHeadroomBits } from '../../../crypto/he/linear.ts';
import { unpackResidues } from '../../../crypto/he/bits.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { heJobs } from '../../../crypto/he/jobs.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import {
  heSetupClient,
  heSetupServer,
  linearFaultRate,
  linearOfflineClient,
  linearOfflineServer,
  linearOnline,
  publicKeyBytes,
  requestBytes,
  responseBytes,
} from '../../../crypto/steps/linear.ts';
import { inputElements, outputElements } from '../../../crypto/spec.ts';
import type { LinearSpec } from '../../../crypto/spec.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import { PlanError, ProtocolError } from '../../../src/shared/errors.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { convolution, directConvolution, randomSpec, randomWeights } from '../../helpers/convolution.ts';
import { seededRng } from '../../helpers/rng.ts';
import { residuesZ, sixSigma, trialsZ, wordsZ } from '../../helpers/statistics.ts';
import { expectWithinOne } from '../../helpers/within-one.ts';

const rng = seededRng('steps/linear');
const ring = await loadRing();
const pool = new ThreadPool(2);
let client: HeClient;
let server: HeServer;

beforeAll(async () => {
  const [a, b] = memoryChannels();
  [client, server] = await Promise.all([heSetupClient(pool, a, 0), heSetupServer(pool, b, 0)]);
});
afterAll(() => pool.close());

/** Runs the offline step and returns both shares; checks that the wire carried what the plan says. */
async function offline(spec: LinearSpec, id: string, weights: Int32Array, input: Uint32Array) {
  const [a, b] = memoryChannels();
  const [c, s] = await Promise.all([
    linearOfflineClient(client, a, 3, spec, input),
    linearOfflineServer(server, b, 3, spec, id, weights, rng),
  ]);
  expect(a.traffic.sent).toBe(16 + requestBytes(spec));
  expect(a.traffic.received).toBe(16 + responseBytes(spec));
  return { c, s };
}

const sum = (a: Uint32Array, b: Uint32Array) => a.map((value, i) => value + b[i]!);

test('W y + bias is what the two shares add up to, for random shapes', async () => {
  for (let i = 0; i < 24; i++) {
    const spec = randomSpec(rng);
    const weights = randomWeights(rng, spec);
    const bias = new Int32Array(randomWords(rng, spec.outChannels).buffer);
    const y = randomWords(rng, inputElements(spec));
    const r = randomWords(rng, inputElements(spec));
    const { c, s } = await offline(spec, `random-${i}`, weights, r);
    const u = y.map((value, n) => value - r[n]!);
    const share = linearOnline(ring, spec, { weights, bias }, u, s);
    expectWithinOne(sum(c, share), directConvolution(spec, weights, y, bias), JSON.stringify(spec));
    // What came out of the ciphertexts, held against six loops on its own.
    expectWithinOne(sum(c, s), directConvolution(spec, weights, r), JSON.stringify(spec));
  }
});

test('shares are one unit off as often as derived, up and down alike', async () => {
  const spec = convolution(1, 48, 64, 1);
  const weights = randomWeights(rng, spec);
  const input = randomWords(rng, inputElements(spec));
  const { c, s } = await offline(spec, 'fault rate', weights, input);
  const exact = ring.conv(spec, weights, input);
  const faults = expectWithinOne(sum(c, s), exact);
  const rate = Array.from(exact, () => linearFaultRate);
  expect(rate).toHaveLength(196_608);
  expect(Math.abs(trialsZ(faults, rate))).toBeLessThan(sixSigma);
  const ups = sum(c, s).reduce((count, word, i) => count + (word - exact[i]! === 1 ? 1 : 0), 0);
  expect(Math.abs(trialsZ(ups, new Float64Array(faults).fill(1 / 2)))).toBeLessThan(sixSigma);
  // The derived rate is no wide cover: 72 faults, and half or double that many would not pass.
  for (const wrong of [0.4, 1.9]) {
    expect(Math.abs(trialsZ(rate.length * linearFaultRate * wrong, rate))).toBeGreaterThan(5);
  }
});

test.each([
  ['worst-case fully connected', { ...convolution(4096, 8, 1, 1) }],
  ['spatial tiles', convolution(2, 3, 70, 3)],
  ['depthwise', { ...convolution(8, 8, 14, 3), group: 8 }],
])('%s: every weight at its limit', async (id, spec) => {
  const limit = 2 ** spec.weightBits - 1;
  const weights = randomWeights(rng, spec).map((weight) => (weight & 1 ? limit : -limit));
  const input = randomWords(rng, inputElements(spec));
  const { c, s } = await offline(spec, id, weights, input);
  expectWithinOne(sum(c, s), ring.conv(spec, weights, input));
});

test('zero weights, a whole layer of them or some tiles, give what they should', async () => {
  const spec = convolution(8, 8, 20, 3);
  expect(linearCost(spec).products).toBeGreaterThan(4);
  const input = randomWords(rng, inputElements(spec));
  for (const kept of [0, 72]) {
    const weights = randomWeights(rng, spec).map((weight, i) => (i < kept ? weight : 0));
    const { c, s } = await offline(spec, `zeros-${kept}`, weights, input);
    expectWithinOne(sum(c, s), ring.conv(spec, weights, input));
  }
});

test('the cached weights serve a second input, and another session', async () => {
  const spec = convolution(4, 6, 9, 3);
  const weights = randomWeights(rng, spec);
  const other = await HeClient.create(pool);
  const otherServer = await HeServer.create(pool, other.publicKey);
  for (const [c, s] of [[client, server] as const, [other, otherServer] as const]) {
    const input = randomWords(rng, inputElements(spec));
    const mask = randomWords(rng, outputElements(spec));
    const response = await s.respond(spec, 'cached', weights, await c.encrypt(spec, input), mask);
    expectWithinOne(sum(await c.decrypt(spec, response), mask), ring.conv(spec, weights, input));
  }
  other.close();
  await expect(other.encrypt(spec, new Uint32Array(inputElements(spec)))).rejects.toThrow(/used after close/);
});

test('other weights under the same id are not taken for the old ones; a full cache changes nothing', async () => {
  const spec = convolution(16, 8, 12, 3);
  const input = randomWords(rng, inputElements(spec));
  for (let i = 0; i < 2; i++) {
    const weights = randomWeights(rng, spec);
    const { c, s } = await offline(spec, 'same id', weights, input);
    expectWithinOne(sum(c, s), ring.conv(spec, weights, input));
  }
  const small = new ThreadPool(1);
  const tight = await HeServer.create(small, client.publicKey, 2 * 65536);
  const weights = randomWeights(rng, spec);
  expect(linearCost(spec).products).toBeGreaterThan(2);
  for (let i = 0; i < 2; i++) {
    const mask = randomWords(rng, outputElements(spec));
    const response = await tight.respond(spec, 'tight', weights, await client.encrypt(spec, input), mask);
    expectWithinOne(sum(await client.decrypt(spec, response), mask), ring.conv(spec, weights, input));
  }
  await small.close();
});

test('the server sees uniform residues for any input; without the key’s share of an encryption it would see the input', async () => {
  const spec = convolution(1, 1, 64, 1);
  const prime = 140737488273409;
  const residues = (request: Uint8Array) => {
    const words = new Uint32Array(2 * 4096);
    expect(unpackResidues(request, 0, 4096, 47, prime, words, 0)).toBe(true);
    return Float64Array.from({ length: 4096 }, (_, i) => words[2 * i]! + words[2 * i + 1]! * 2 ** 32);
  };
  for (const value of [0, 12_345]) {
    const input = new Uint32Array(inputElements(spec)).fill(value);
    const [first, second] = [
      residues(await client.encrypt(spec, input)),
      residues(await client.encrypt(spec, input)),
    ];
    const difference = first.map((residue, i) => (residue - second[i]! + prime) % prime);
    for (const seen of [first, difference]) expect(residuesZ(seen, prime)).toBeLessThan(sixSigma);
  }
  // Planted: c0 = m Q / t and noise, no c1 s.
  const noise = seededRng('noise').bytes(4096);
  expect(
    residuesZ(
      Float64Array.from(noise, (e) => 12_345 * 2 ** 30 + e),
      prime,
    ),
  ).toBeGreaterThan(sixSigma);
});

test('the client’s share is uniform for a fixed input and fixed weights; without the mask s it is W r', async () => {
  const spec = convolution(1, 4, 64, 1);
  const input = new Uint32Array(inputElements(spec)).fill(12_345);
  const weights = Int32Array.of(3, -5, 0, 127);
  const request = await client.encrypt(spec, input);
  const share = async (mask: Uint32Array) =>
    client.decrypt(spec, await server.respond(spec, 'fixed', weights, request, mask));
  expect(wordsZ(await share(randomWords(rng, outputElements(spec))))).toBeLessThan(sixSigma);
  expectWithinOne(
    await share(new Uint32Array(outputElements(spec))),
    directConvolution(spec, weights, input),
  );
});

test('two responses to one request share neither c1 nor c0', async () => {
  const spec = convolution(2, 2, 6, 3);
  const weights = randomWeights(rng, spec);
  const input = randomWords(rng, inputElements(spec));
  const request = await client.encrypt(spec, input);
  const mask = randomWords(rng, outputElements(spec));
  const [a, b] = [
    await server.respond(spec, 'twice', weights, request, mask),
    await server.respond(spec, 'twice', weights, request, mask),
  ];
  // 1 in 256 bytes agree by chance.
  const equal = a.reduce((count, byte, i) => count + (byte === b[i] ? 1 : 0), 0);
  expect(equal / a.length).toBeLessThan(0.01);
  const exact = directConvolution(spec, weights, input).map((word, i) => word - mask[i]!);
  for (const response of [a, b]) expectWithinOne(await client.decrypt(spec, response), exact);
});

test('garbage from the peer is a ProtocolError that names the step, and the pool goes on', async () => {
  const spec = convolution(2, 2, 6, 3);
  const weights = randomWeights(rng, spec);
  const garbage = (length: number) => new Uint8Array(length).fill(0xff);
  const asServer = async (payload: Uint8Array) => {
    const [a, b] = memoryChannels();
    await a.send(tags.linearRequest, 5, payload);
    return linearOfflineServer(server, b, 5, spec, 'garbage', weights, rng);
  };
  const asClient = async (payload: Uint8Array) => {
    const [a, b] = memoryChannels();
    await b.send(tags.linearResponse, 5, payload);
    return linearOfflineClient(client, a, 5, spec, new Uint32Array(inputElements(spec)));
  };
  for (const [attempt, bytes] of [
    [asServer, requestBytes(spec)],
    [asClient, responseBytes(spec)],
  ] as const) {
    await expect(attempt(garbage(bytes))).rejects.toThrow(ProtocolError);
    await expect(attempt(garbage(bytes))).rejects.toThrow(/step 5: linear .*residues below/);
    await expect(attempt(garbage(bytes - 1))).rejects.toThrow(/step 5: expected linear/);
    await expect(attempt(garbage(bytes + 8))).rejects.toThrow(ProtocolError);
  }
  await expect(server.respond(spec, 'garbage', weights, garbage(7), new Uint32Array(72))).rejects.toThrow(
    ProtocolError,
  );
  await expect(client.decrypt(spec, garbage(7))).rejects.toThrow(ProtocolError);
  const input = randomWords(rng, inputElements(spec));
  const { c, s } = await offline(spec, 'after-garbage', weights, input);
  expectWithinOne(sum(c, s), ring.conv(spec, weights, input));
});

test('a malformed public key is refused at the start', async () => {
  await expect(HeServer.create(pool, new Uint8Array(publicKeyBytes).fill(0xff))).rejects.toThrow(
    /public key: expected residues below/,
  );
  await expect(HeServer.create(pool, new Uint8Array(publicKeyBytes - 1))).rejects.toThrow(ProtocolError);
  const second = client.publicKey.slice();
  second.fill(0xff, publicKeyBytes - 4000, publicKeyBytes - 1000);
  await expect(HeServer.create(pool, second)).rejects.toThrow(/product public key/);
});

test('a thread that dies takes one job with it and is replaced', async () => {
  const spec = convolution(16, 16, 28, 3);
  const weights = randomWeights(rng, spec);
  const request = await client.encrypt(spec, randomWords(rng, inputElements(spec)));
  const mask = randomWords(rng, outputElements(spec));
  const response = server.respond(spec, 'killed', weights, request, mask);
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

test('a job that fails inside SEAL rejects alone; its thread starts a fresh SEAL', async () => {
  const short = { id: 'broken', linear: new Uint32Array(6), product: new Uint32Array(6) };
  const spec = convolution(1, 2, 5, 3);
  const request = new Uint8Array(requestBytes(spec));
  for (let i = 0; i < 4; i++) {
    const job = { session: short, spec, input: new Uint32Array(25), from: 0, to: 1, request };
    await expect(pool.run(heJobs.encryptLinear, job)).rejects.toThrow(/job encryptLinear: /);
  }
  const input = randomWords(rng, inputElements(spec));
  const weights = randomWeights(rng, spec);
  const { c, s } = await offline(spec, 'after-failure', weights, input);
  expectWithinOne(sum(c, s), ring.conv(spec, weights, input));
});

test("the caller's own mistakes are told apart", async () => {
  const spec = convolution(2, 2, 6, 3);
  const weights = randomWeights(rng, spec);
  const request = new Uint8Array(requestBytes(spec));
  const mask = new Uint32Array(outputElements(spec));
  weights[5] = 2 ** spec.weightBits;
  await expect(server.respond(spec, 'large', weights, request, mask)).rejects.toThrow(PlanError);
  await expect(server.respond(spec, 'short', weights.slice(1), request, mask)).rejects.toThrow(RangeError);
  await expect(client.encrypt(spec, new Uint32Array(3))).rejects.toThrow(/expected 72, got 3/);
  expect(() => linearNoiseHeadroomBits({ ...spec, weightBits: 25 })).toThrow(/bits too few/);
  expect(linearNoiseHeadroomBits(spec)).toBeGreaterThan(linearNoiseHeadroomBits({ ...spec, weightBits: 9 }));
});
