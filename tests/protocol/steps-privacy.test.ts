import { beforeAll, describe, expect, test } from 'vitest';
import type { OtClient, OtServer } from '../../crypto/ot/session.ts';
import { clientReply, serverFinish, serverMessage } from '../../crypto/steps/activation/activation.ts';
import type { ClientActivation, ServerActivation } from '../../crypto/steps/activation/activation.ts';
import { clientWords, flipBytes, serverWords } from '../../crypto/steps/activation/messages.ts';
import { windowBits } from '../../crypto/steps/activation/window.ts';
import { batchElements, signBytes, stringBytes, transfersOf } from '../../crypto/sign/batch.ts';
import type { ActivationSpec } from '../../crypto/spec.ts';
import { asWords, unpackBits, unpackFields } from '../../crypto/bits.ts';
import { prepare, reluSpec, someSpec } from '../helpers/protocol/activation.ts';
import type { LayerKeys } from '../helpers/protocol/activation.ts';
import { dealtOt } from '../helpers/protocol/dealt-ot.ts';
import { seededRng } from '../helpers/rng.ts';
import { coinsZ, sixSigma, wordsZ } from '../helpers/statistics.ts';

/**
 * What each party receives in an activation layer, over `count` instances with the same secrets on both
 * sides: every message has the distribution that a simulator without the other's secret draws from, alone and
 * joined with what the receiver knows beforehand (an OT key, a product share). Each test is shown to fail on
 * a leak planted in the one-time material. A statistic passes a test that is right by a margin of six
 * deviations (10^-9 a statistic, some hundred of them); seeds are fixed, so none flickers.
 */
const channelSize = 2500;
const count = 4 * channelSize;
const cut = 8;
/** The other party's secrets: they must not show. */
const secrets = [0x0123_4567, 0x8000_0001];
const own = 0x5555_aaaa;

let ot: [OtClient, OtServer];
beforeAll(async () => {
  ot = await dealtOt(seededRng('privacy'));
});

type View = Readonly<Record<string, number>>;
type Material = {
  readonly client: NonNullable<ClientActivation['material']>;
  readonly server: NonNullable<ServerActivation['material']>;
  /** r */
  readonly mask: Uint32Array;
};
type Plant = (material: Material) => void;
type PlantKeys = (keys: LayerKeys) => void;

const filled = (word: number) => new Uint32Array(count).fill(word);
const sum = (a: Uint32Array, b: Uint32Array) => a.map((word, i) => word + b[i]!);
const difference = (a: Uint32Array, b: Uint32Array) => a.map((word, i) => word - b[i]!);

/** 1 / x mod 2^32 of odd x, by Newton's iteration. */
function inverse(x: number): number {
  let y = x;
  for (let i = 0; i < 5; i++) y = Math.imul(y, 2 - Math.imul(x, y));
  return y;
}

/**
 * opened + product / factor where the factor is odd: free of the other's secret, unless the product's mask is
 * missing.
 */
function overFactor(opened: Uint32Array, product: Uint32Array, factor: Uint32Array): Uint32Array {
  const kept = [...opened.keys()].filter((i) => (factor[i]! & 1) === 1);
  return Uint32Array.from(kept, (i) => opened[i]! + Math.imul(product[i]!, inverse(factor[i]!)));
}

/** Fields below 2^8, four a word, so that each byte of wordsZ is a test of them. */
const fieldsZ = (fields: Uint32Array) => wordsZ(new Uint32Array(Uint8Array.from(fields).buffer));

/** Whole words of bytes; the last ones are left out. */
const wordsOf = (bytes: Uint8Array) => asWords(bytes.slice(0, bytes.length & ~3));

/** The worst of the planes of a message of the sign tests: each must be a fair coin. */
function planesZ(bytes: Uint8Array, planes: number): number {
  const length = bytes.length / planes;
  const plane = (i: number) =>
    unpackFields(bytes.subarray(i * length, (i + 1) * length), 8 * length, 1, 'plane');
  return Math.max(...Array.from({ length: planes }, (_, i) => coinsZ(plane(i))));
}

/**
 * All frames of a layer of one kind with constant shares, the keys handed to `plantKeys` and the material to
 * `plant` before.
 */
async function frames(
  kinds: 'relu' | 'affine' | 'square',
  xC: number,
  xS: number,
  seed: string,
  plant?: Plant,
  plantKeys?: PlantKeys,
) {
  const rng = seededRng(seed);
  const base = someSpec(kinds, channelSize, rng, reluSpec(4, 'posZero', cut));
  const same = new Int32Array(4).fill(1);
  const table = { truncate: cut, multiplier: same, offset: same };
  const spec: ActivationSpec = { ...base, affine: table, square: { ...base.square, ...table } };
  const prepared = await prepare(ot, spec, filled(xC), rng, undefined, plantKeys);
  const { client, server } = prepared;
  const material = { client: client.material!, server: server.material!, mask: client.mask };
  plant?.(material);
  const { layer } = client;
  const message = serverMessage(server, filled(xS));
  const reply = clientReply(client, message);
  const output = serverFinish(server, reply.slice());
  const words = { message: serverWords(message, layer), reply: clientWords(reply, layer) };
  return { material, layer, ...words, output, tables: prepared.tables, keys: prepared.keys };
}

/** A batch's planes, of which all but the last batch of a layer have whole bytes. */
async function reluViews(
  xC: number,
  xS: number,
  plant?: Plant,
  plantKeys?: PlantKeys,
): Promise<{ client: View; server: View }> {
  const found = await frames('relu', xC, xS, `${xC} ${xS}`, plant, plantKeys);
  const { material, message, reply, output, tables, layer } = found;
  const bits = windowBits(layer.spec.relu);
  const flips = tables.subarray(0, flipBytes(layer.spec));
  const strings = tables.subarray(flips.length, flips.length + stringBytes(bits, batchElements));
  const chosen = found.keys.server.batches[0]!.keys;
  const { keys, relu } = material.client;
  const d1 = unpackFields(message.rest, count, cut, 'd1');
  const c = unpackBits(reply.bits, count, 'c');
  const { e, h } = material.server.relu.signs;
  return {
    client: {
      'bits of the sign tests': planesZ(
        message.signs.subarray(0, signBytes(bits, batchElements)),
        transfersOf(bits),
      ),
      d1: fieldsZ(d1),
      'd1 + g': fieldsZ(sum(d1, keys.relu)),
      'd1 - g': fieldsZ(difference(d1, keys.relu)),
      d2: wordsZ(message.d2),
      'd2 + k_b': wordsZ(sum(message.d2, relu.kb)),
      'd2 - k_b': wordsZ(difference(message.d2, relu.kb)),
      e_C: coinsZ(c.map((bit, i) => bit ^ relu.b[i]!)),
    },
    server: {
      flips: coinsZ(unpackBits(flips, count, 'flips')),
      strings: wordsZ(wordsOf(strings)),
      'strings + chosen keys': wordsZ(wordsOf(strings.map((byte, i) => byte ^ chosen[i]!))),
      d3: wordsZ(reply.d3),
      'd3 + h': wordsZ(sum(reply.d3, h)),
      'd3 - h': wordsZ(difference(reply.d3, h)),
      c: coinsZ(c),
      'c + e_S': coinsZ(c.map((bit, i) => bit ^ e[i]!)),
      masked: wordsZ(reply.masked.relu),
      'u = y - r': wordsZ(output),
    },
  };
}

async function squareViews(xC: number, xS: number, plant?: Plant): Promise<{ client: View; server: View }> {
  const { material, message, reply, output } = await frames('square', xC, xS, `sq ${xC} ${xS}`, plant);
  const { keys, product } = material.client;
  const d1 = unpackFields(message.rest, count, cut, 'd1');
  const known = material.server.product;
  return {
    client: {
      d1: fieldsZ(d1),
      'd1 + g': fieldsZ(sum(d1, keys.square)),
      d: wordsZ(message.d),
      'd + P_C / u': wordsZ(overFactor(message.d, product.product, product.u)),
    },
    server: {
      e: wordsZ(reply.e),
      'e + P_S / a': wordsZ(overFactor(reply.e, known.product, known.a)),
      masked: wordsZ(reply.masked.square),
      'u = y - r': wordsZ(output),
    },
  };
}

async function affineViews(xC: number, xS: number, plant?: Plant): Promise<{ client: View; server: View }> {
  const { material, message, reply, output } = await frames('affine', xC, xS, `af ${xC} ${xS}`, plant);
  const d1 = unpackFields(message.rest, count, cut, 'd1');
  return {
    client: { d1: fieldsZ(d1), 'd1 + g': fieldsZ(sum(d1, material.client.keys.affine)) },
    server: { masked: wordsZ(reply.masked.affine), 'u = y - r': wordsZ(output) },
  };
}

const views = { relu: reluViews, square: squareViews, affine: affineViews };
type Kind = keyof typeof views;
const kinds = Object.keys(views) as Kind[];

describe.each(kinds)('%s', (kind) => {
  test.each(secrets)('nothing that the client receives depends on the server’s share %i', async (secret) => {
    for (const [name, z] of Object.entries((await views[kind](own, secret)).client)) {
      expect(z, name).toBeLessThan(sixSigma);
    }
  });

  test.each(secrets)('nothing that the server receives depends on the client’s share %i', async (secret) => {
    for (const [name, z] of Object.entries((await views[kind](secret, own)).server)) {
      expect(z, name).toBeLessThan(sixSigma);
    }
  });
});

const omit = (pairs: { k0: Uint32Array; k1: Uint32Array }) => void pairs.k1.set(pairs.k0);
/** P_C = u a, P_S = 0 */
const bareProducts: Plant = ({ client, server }) => {
  const { a } = server.product;
  client.product.product.set(client.product.u.map((word, i) => Math.imul(word, a[i]!)));
  server.product.product.fill(0);
};
/** P_S = u a, P_C = 0 */
const bareProductsAtServer: Plant = ({ client, server }) => {
  const { a, product } = server.product;
  product.set(client.product.u.map((word, i) => Math.imul(word, a[i]!)));
  client.product.product.fill(0);
};

/** Leaks of one mask, and the statistic that must notice. */
const leaks: readonly [string, Kind, 'client' | 'server', string, Plant][] = [
  ['d1 without its key', 'relu', 'client', 'd1', ({ server }) => omit(server.pairs.relu)],
  ['d1 without its key', 'affine', 'client', 'd1', ({ server }) => omit(server.pairs.affine)],
  ['d1 without its key', 'square', 'client', 'd1', ({ server }) => omit(server.pairs.square)],
  [
    'd1 under the key that the client has',
    'relu',
    'client',
    'd1 + g',
    ({ client, server }) => {
      server.pairs.relu.k0.fill(0);
      server.pairs.relu.k1.set(client.keys.relu);
    },
  ],
  ['d2 without its keys', 'relu', 'client', 'd2', ({ server }) => omit(server.relu.pairs)],
  [
    'd2 under the key that the client has',
    'relu',
    'client',
    'd2 + k_b',
    ({ client, server }) => {
      server.relu.pairs.k0.fill(0);
      server.relu.pairs.k1.set(client.relu.kb);
    },
  ],
  [
    'bits of the sign test without choices',
    'relu',
    'client',
    'bits of the sign tests',
    ({ server }) => server.relu.signs.batches.forEach(({ choices }) => choices.fill(0)),
  ],
  [
    'e_S the same for all',
    'relu',
    'client',
    'e_C',
    ({ server }) => {
      const { batches, e } = server.relu.signs;
      const transfers = transfersOf(windowBits(reluSpec(4)));
      for (const { choices } of batches) choices.fill(0, choices.length - choices.length / transfers);
      e.fill(0);
    },
  ],
  ['d without a', 'square', 'client', 'd', ({ server }) => void server.product.a.fill(0)],
  ['products without their mask', 'square', 'client', 'd + P_C / u', bareProducts],
  ['d3 without its keys', 'relu', 'server', 'd3', ({ client }) => omit(client.relu.pairs)],
  [
    'd3 under the key that the server has',
    'relu',
    'server',
    'd3 + h',
    ({ client, server }) => {
      client.relu.pairs.k0.fill(0);
      client.relu.pairs.k1.set(server.relu.signs.h);
    },
  ],
  ['c without b', 'relu', 'server', 'c + e_S', ({ client }) => void client.relu.b.fill(0)],
  ['e without u', 'square', 'server', 'e', ({ client }) => void client.product.u.fill(0)],
  ['products without their mask', 'square', 'server', 'e + P_S / a', bareProductsAtServer],
  ['the output without its mask', 'relu', 'server', 'u = y - r', ({ mask }) => void mask.fill(0)],
  ['the output without its mask', 'affine', 'server', 'masked', ({ mask }) => void mask.fill(0)],
  ['the output without its mask', 'square', 'server', 'u = y - r', ({ mask }) => void mask.fill(0)],
];

test.each(leaks)('planted: %s (%s, at the %s) shows in %s', async (_, kind, side, statistic, plant) => {
  const received = (await views[kind](own, 0x0123_4567, plant))[side];
  expect(received[statistic]).toBeGreaterThan(2 * sixSigma);
});

/** Leaks of keys, which the strings would show. */
const keyLeaks: readonly [string, string, PlantKeys][] = [
  ['strings without keys', 'strings', ({ client }) => client.batches.forEach(({ k0, k1 }) => k1.set(k0))],
  [
    'strings under the keys that the server has',
    'strings + chosen keys',
    ({ client, server }) =>
      client.batches.forEach(({ k0, k1 }, i) => {
        k0.set(server.batches[i]!.keys);
        k1.fill(0);
      }),
  ],
  [
    'flips without random choices',
    'flips',
    ({ client }) => {
      client.choices.fill(0);
    },
  ],
];

test.each(keyLeaks)('planted: %s shows in %s at the server', async (_, statistic, plant) => {
  const received = (await reluViews(own, 0x0123_4567, undefined, plant)).server;
  expect(received[statistic]).toBeGreaterThan(2 * sixSigma);
});

test('two layers: bits and strings are apart; with the same keys for both they are not', async () => {
  const first = await frames('relu', own, 1, 'layer 1');
  const second = await frames('relu', own, 0xffff, 'layer 2');
  const apart = (a: Uint8Array, b: Uint8Array) => wordsZ(wordsOf(a.map((byte, i) => byte ^ b[i]!)));
  expect(apart(first.message.signs, second.message.signs)).toBeLessThan(sixSigma);
  expect(apart(first.tables, second.tables)).toBeLessThan(sixSigma);
  const again = await frames('relu', own, 0xffff, 'layer 3', undefined, ({ client, server }) => {
    client.batches.forEach(({ k0, k1 }, i) => {
      k0.set(first.keys.client.batches[i]!.k0);
      k1.set(first.keys.client.batches[i]!.k1);
    });
    server.batches.forEach(({ choices }, i) => choices.set(first.keys.server.batches[i]!.choices));
  });
  expect(apart(first.message.signs, again.message.signs)).toBeGreaterThan(2 * sixSigma);
  expect(apart(first.tables, again.tables)).toBeGreaterThan(2 * sixSigma);
});
