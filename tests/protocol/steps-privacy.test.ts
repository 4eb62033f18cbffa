import { beforeAll, describe, expect, test } from 'vitest';
import { evaluateGarbled } from '../../crypto/gc/evaluate.ts';
import { garble } from '../../crypto/gc/garble.ts';
import type { OtReceiver } from '../../crypto/ot/extension.ts';
import type { OtClient, OtServer } from '../../crypto/ot/session.ts';
import { loadRing } from '../../crypto/ring/kernels.ts';
import { clientReply, serverFinish, serverMessage } from '../../crypto/steps/activation/activation.ts';
import type { ClientActivation, ServerActivation } from '../../crypto/steps/activation/activation.ts';
import { clientWords, serverWords } from '../../crypto/steps/activation/messages.ts';
import { writeServerLabels } from '../../crypto/steps/activation/sign.ts';
import type { ActivationSpec } from '../../crypto/spec.ts';
import { unpackBits, unpackFields } from '../../crypto/bits.ts';
import { randomWords } from '../../src/shared/random.ts';
import { prepare, reluSpec, someSpec } from '../helpers/activation.ts';
import { dealtDirection, dealtOt } from '../helpers/dealt-ot.ts';
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

const filled = (word: number) => new Uint32Array(count).fill(word);
const sum = (a: Uint32Array, b: Uint32Array) => a.map((word, i) => word + b[i]!);
const difference = (a: Uint32Array, b: Uint32Array) => a.map((word, i) => word - b[i]!);
const xor = (a: Uint32Array, b: Uint32Array) => a.map((word, i) => word ^ b[i]!);

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

/** Both frames of a layer of one kind with constant shares, the material handed to `plant` before. */
async function frames(
  kinds: 'relu' | 'affine' | 'square',
  xC: number,
  xS: number,
  seed: string,
  plant?: Plant,
) {
  const rng = seededRng(seed);
  const base = someSpec(kinds, channelSize, rng, reluSpec(4, 'posZero', cut));
  const same = new Int32Array(4).fill(1);
  const table = { truncate: cut, multiplier: same, offset: same };
  const spec: ActivationSpec = { ...base, affine: table, square: { ...base.square, ...table } };
  const { client, server } = await prepare(ot, spec, filled(xC), rng);
  const material = { client: client.material!, server: server.material!, mask: client.mask };
  plant?.(material);
  const { layer } = client;
  const message = serverMessage(server, filled(xS));
  const reply = clientReply(client, message);
  const output = serverFinish(server, reply.slice());
  return { material, layer, message: serverWords(message, layer), reply: clientWords(reply, layer), output };
}

async function reluViews(xC: number, xS: number, plant?: Plant): Promise<{ client: View; server: View }> {
  const { material, message, reply, output } = await frames('relu', xC, xS, `${xC} ${xS}`, plant);
  const { keys, relu } = material.client;
  const d1 = unpackFields(message.rest, count, cut, 'd1');
  const c = unpackBits(reply.bits, count, 'c');
  const { e, h } = material.server.relu;
  return {
    client: {
      tables: wordsZ(new Uint32Array(relu.tables.slice().buffer)),
      labels: wordsZ(message.labels),
      d1: fieldsZ(d1),
      'd1 + g': fieldsZ(sum(d1, keys.relu)),
      'd1 - g': fieldsZ(difference(d1, keys.relu)),
      d2: wordsZ(message.d2),
      'd2 + k_b': wordsZ(sum(message.d2, relu.kb)),
      'd2 - k_b': wordsZ(difference(message.d2, relu.kb)),
      'e_C, the colour it evaluates to': coinsZ(c.map((bit, i) => bit ^ relu.b[i]!)),
    },
    server: {
      d3: wordsZ(reply.d3),
      'd3 + h': wordsZ(sum(reply.d3, h)),
      'd3 - h': wordsZ(difference(reply.d3, h)),
      c: coinsZ(c),
      'c + e_S': coinsZ(c.map((bit, i) => bit ^ e[i]!)),
      masked: wordsZ(reply.masked),
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
      masked: wordsZ(reply.masked),
      'u = y - r': wordsZ(output),
    },
  };
}

async function affineViews(xC: number, xS: number, plant?: Plant): Promise<{ client: View; server: View }> {
  const { material, message, reply, output } = await frames('affine', xC, xS, `af ${xC} ${xS}`, plant);
  const d1 = unpackFields(message.rest, count, cut, 'd1');
  return {
    client: { d1: fieldsZ(d1), 'd1 + g': fieldsZ(sum(d1, material.client.keys.affine)) },
    server: { masked: wordsZ(reply.masked), 'u = y - r': wordsZ(output) },
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
      client.relu.pairs.k1.set(server.relu.h);
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

test('labels: fresh ones are apart; reused ones differ by Delta or nothing', async () => {
  const first = await frames('relu', own, 1, 'labels 1');
  const second = await frames('relu', own, 0xffff, 'labels 2');
  expect(wordsZ(xor(first.message.labels, second.message.labels))).toBeLessThan(sixSigma);
  expect(
    wordsZ(
      xor(
        new Uint32Array(first.material.client.relu.tables.slice().buffer),
        new Uint32Array(second.material.client.relu.tables.slice().buffer),
      ),
    ),
  ).toBeLessThan(sixSigma);
  const planted = await frames('relu', own, 0xffff, 'labels 2', ({ server }) => {
    server.relu.labelSeed.set(first.material.server.relu.labelSeed);
  });
  expect(wordsZ(xor(first.message.labels, planted.message.labels))).toBeGreaterThan(2 * sixSigma);
});

test('colour bits of the active labels are fair coins, wire by wire; of labels without colours they are the secret', () => {
  const spec = reluSpec(4);
  const wires = spec.bits - spec.k + 1;
  const delta = randomWords(seededRng('delta'), 4);
  delta[0]! |= 1;
  const colours = (colourless: boolean) => {
    const rng = seededRng('colours');
    const zeros = {
      bytes: (n: number) => rng.bytes(n).map((byte, i) => (colourless && i % 16 === 0 ? byte & 0xfe : byte)),
    };
    const labels = new Uint32Array(4 * wires * count);
    writeServerLabels(filled(0x0123_4567), spec, zeros, delta, labels);
    const ofWire = (wire: number) =>
      labels.subarray(4 * wire * count, 4 * (wire + 1) * count).filter((_, i) => i % 4 === 0);
    return Array.from({ length: wires }, (_, wire) => coinsZ(ofWire(wire)));
  };
  expect(Math.max(...colours(false))).toBeLessThan(sixSigma);
  expect(Math.min(...colours(true))).toBeGreaterThan(2 * sixSigma);
});

test('the colour that the evaluator ends with is a fair coin; planted: zero labels without colours give it the sign', () => {
  const outcome = (colourless: boolean) => {
    const rng = seededRng('evaluated colour');
    const delta = randomWords(rng, 4);
    delta[0]! |= 1;
    const labels = () =>
      randomWords(rng, 4 * count).map((word, i) => (colourless && i % 4 === 0 ? word & ~1 : word));
    const shape = { wires: 1, count, salt: rng.bytes(16) };
    const [evaluatorZero, garblerZero] = [labels(), labels()];
    const { tables } = garble({ ...shape, delta, evaluatorZero, garblerZero });
    // v_C = 1, v_S = 0
    const evaluatorLabels = evaluatorZero.map((word, i) => word ^ delta[i & 3]!);
    return coinsZ(evaluateGarbled({ ...shape, evaluatorLabels, garblerLabels: garblerZero, tables }));
  };
  expect(outcome(false)).toBeLessThan(sixSigma);
  expect(outcome(true)).toBeGreaterThan(2 * sixSigma);
});

test('extensions: the choices show neither in a message nor in two; with a stream used twice they do', async () => {
  const ring = await loadRing();
  const receiver = (seed: string) => dealtDirection(seededRng(seed), ring)[0];
  const words = (of: OtReceiver, choice: number) =>
    new Uint32Array(of.extend(new Uint8Array(8192).fill(choice)).message.buffer);
  const one = receiver('one');
  const [first, second] = [words(one, 0), words(one, 1)];
  for (const message of [first, second, xor(first, second), xor(first, words(receiver('two'), 1))]) {
    expect(wordsZ(message)).toBeLessThan(sixSigma);
  }
  expect(wordsZ(xor(words(receiver('same'), 0), words(receiver('same'), 1)))).toBeGreaterThan(2 * sixSigma);
});
