import { afterAll, describe, expect, test } from 'vitest';
import { HeClient, linearCost } from '../../../crypto/he/linear.ts';
import { publicWords, weightSpace } from '../../../crypto/he/engine.ts';
import { linearKeys } from '../../../crypto/he/keys.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import {
  linearFaultRate,
  linearOfflineClient,
  linearOfflineServer,
  linearOnline,
  requestBytes,
  responseBytes,
} from '../../../crypto/steps/linear.ts';
import { inputElements } from '../../../crypto/spec.ts';
import type { LinearSpec } from '../../../crypto/spec.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import { partLengths } from '../../../crypto/channel/parts.ts';
import { exchangesOf } from '../../../crypto/he/exchange.ts';
import { layoutOf } from '../../../crypto/he/layout.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { randomWords } from '../../../src/shared/random.ts';
import {
  convolution,
  directConvolution,
  randomSpec,
  randomWeights,
} from '../../helpers/protocol/convolution.ts';
import { heServerOf, seedParts } from '../../helpers/protocol/he.ts';
import { sixSigma, trialsZ } from '../../helpers/statistics.ts';
import { expectWithinOne } from '../../helpers/protocol/within-one.ts';
import { linearParties, sum } from './linear-parties.ts';

const { rng, pool, client, server, offline, exchange } = await linearParties('steps/linear');
const ring = await loadRing();
afterAll(() => pool.close());

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
  // The derived rate is no wide cover: some 9,200 faults, and half or double that many would not pass.
  for (const wrong of [0.4, 1.9]) {
    expect(Math.abs(trialsZ(rate.length * linearFaultRate * wrong, rate))).toBeGreaterThan(5);
  }
});

test.each([
  ['worst-case fully connected', { ...convolution(4096, 8, 1, 1) }],
  ['spatial tiles', convolution(2, 3, 70, 3)],
  ['depthwise', { ...convolution(8, 8, 14, 3), group: 8 }],
  ['512 channels of 4 x 4, 10 bits', { ...convolution(512, 512, 4, 3), weightBits: 10 }],
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
  const otherServer = await heServerOf(other, rng);
  for (const [c, s] of [[client, server] as const, [other, otherServer] as const]) {
    const input = randomWords(rng, inputElements(spec));
    expectWithinOne(await exchange(c, s, spec, 'cached', weights, input), ring.conv(spec, weights, input));
  }
  other.close();
  await expect(other.encrypt(spec, new Uint32Array(inputElements(spec)))).rejects.toThrow(/used after close/);
});

test('a client makes one public key, for a second would have the same error', async () => {
  const other = await HeClient.create(pool);
  await other.publicKey(seedParts(rng));
  await expect(other.publicKey(seedParts(rng))).rejects.toThrow(/exists already/);
  other.close();
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
  const owner = await HeClient.create(small);
  const weights = randomWeights(rng, spec);
  expect(linearCost(spec).products).toBeGreaterThan(2);
  // Room for two tiles; the others are transformed by whoever needs them.
  const tight = await heServerOf(owner, rng, small, { weightCacheBytes: 2 * weightSpace });
  for (let i = 0; i < 2; i++) {
    expectWithinOne(
      await exchange(owner, tight, spec, 'tight', weights, input),
      ring.conv(spec, weights, input),
    );
  }
  await small.close();
});

test('many spatial tiles, with and without room for the weights', async () => {
  const spec = convolution(3, 5, 150, 3);
  expect(linearCost(spec).requestCiphertexts).toBeGreaterThan(16);
  const weights = randomWeights(rng, spec);
  const input = randomWords(rng, inputElements(spec));
  const other = await HeClient.create(pool);
  for (const weightCacheBytes of [0, 2 ** 26]) {
    const own = weightCacheBytes === 0 ? await heServerOf(other, rng, pool, { weightCacheBytes }) : server;
    const id = `spatial ${weightCacheBytes}`;
    const whose = weightCacheBytes === 0 ? other : client;
    expectWithinOne(await exchange(whose, own, spec, id, weights, input), ring.conv(spec, weights, input));
  }
});

test('with more keys of linear layers opened shares are hidden by all of them, and add up', async () => {
  const spec = convolution(40, 300, 1, 1);
  const weights = randomWeights(rng, spec);
  const input = randomWords(rng, inputElements(spec));
  const keys = linearKeys(300, 24);
  expect(keys).toBe(4);
  const other = await HeClient.create(pool);
  const own = await heServerOf(other, rng, pool, { linearKeys: keys });
  expect(own.publicKeys).toHaveLength(keys * publicWords);
  const exact = ring.conv(spec, weights, input);
  const request = await other.encrypt(spec, input);
  const answered = async (opened: boolean) => {
    const { response, shares } = await own.respond(spec, 'opened', weights, request, opened);
    return sum(await other.decrypt(spec, response), shares);
  };
  for (const opened of [true, false]) expectWithinOne(await answered(opened), exact);
  // A last key that is none of the client's spoils the answers that it takes part in, and only those.
  const spoiling = randomWords(rng, publicWords).map((word) => word >>> 2);
  own.publicKeys.set(spoiling, (keys - 1) * publicWords);
  expectWithinOne(await answered(false), exact);
  const spoilt = await answered(true);
  expect(spoilt.filter((word, i) => word !== exact[i]).length).toBeGreaterThan(290);
});

/** Exchanges of few ciphertexts, and parts that end within them. */
const most = 100_000;

describe('in parts of at most 100 kB', () => {
  test.each([
    ['many spatial tiles', convolution(8, 12, 90, 3)],
    ['tiles that all channels of fill a part and more', { ...convolution(64, 40, 40, 9), weightBits: 4 }],
    ['groups', { ...convolution(24, 24, 80, 3), group: 24 }],
    ['a stride', { ...convolution(6, 10, 150, 1), strides: [2, 2] as const }],
    ['one part', convolution(2, 3, 6, 3)],
  ] as const)('shares add up and frames are as long as derived: %s', async (name, given) => {
    const spec: LinearSpec = given;
    const weights = randomWeights(rng, spec);
    const input = randomWords(rng, inputElements(spec));
    const [a, b] = memoryChannels();
    const [c, s] = await Promise.all([
      linearOfflineClient(client, a, 3, spec, input, most),
      linearOfflineServer(server, b, 3, spec, `parts, ${name}`, weights, false, most),
    ]);
    expectWithinOne(sum(c, s), ring.conv(spec, weights, input), name);
    const framed = (length: number) => length + 16 * Math.ceil(length / most);
    expect(a.traffic.sent).toBe(framed(requestBytes(spec)));
    expect(a.traffic.received).toBe(framed(responseBytes(spec)));
    const exchanges = exchangesOf(layoutOf(spec), most).length;
    if (name === 'one part') expect([exchanges, a.traffic.framesSent]).toEqual([1, 1]);
    else expect(a.traffic.framesSent).toBeGreaterThan(3);
    if (name === 'many spatial tiles') expect(exchanges).toBeGreaterThan(2);
  });

  test('a residue that is out of range in a later part is told, and a client that leaves before it', async () => {
    const spec = convolution(8, 12, 90, 3);
    const weights = randomWeights(rng, spec);
    const lengths = partLengths(requestBytes(spec), most);
    const input = new Uint32Array(inputElements(spec));
    const good = await client.encrypt(spec, input);
    const asServer = async (spoil: (part: Uint8Array, i: number) => Uint8Array | undefined) => {
      const [a, b] = memoryChannels();
      const answering = linearOfflineServer(server, b, 5, spec, 'spoilt', weights, false, most);
      answering.catch(() => undefined);
      for (const [i, length] of lengths.entries()) {
        const part = spoil(good.slice(i * most, i * most + length), i);
        if (part !== undefined) await a.send(tags.linearRequest, 5, part, i);
        else a.close();
      }
      await answering;
    };
    await expect(asServer((part) => part)).resolves.toBeUndefined();
    await expect(asServer((part, i) => (i === 2 ? part.fill(0xff) : part))).rejects.toThrow(
      /step 5: linear request: expected residues below/,
    );
    await expect(asServer((part, i) => (i < 2 ? part : undefined))).rejects.toThrow(/the peer left/);
    await expect(asServer((part, i) => (i === 1 ? part.subarray(1) : part))).rejects.toThrow(
      /step 5: expected linearRequest, part 2, of 100000 bytes, got linearRequest, part 2, of step 5, 99999/,
    );
  });
});
