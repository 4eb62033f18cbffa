import { tags } from '../../channel/channel.ts';
import type { Channel } from '../../channel/channel.ts';
import { PartReader, PartWriter } from '../../channel/parts.ts';
import type { Message } from '../../channel/parts.ts';
import { concatenate, concatenateWords, packBits, unpackBits } from '../../bits.ts';
import { correctionBytes } from '../../products/products.ts';
import type { KeyPairs } from '../../ot/transfers.ts';
import { batchElements, stringBytes } from '../../sign/batch.ts';
import type { ByKind } from '../../spec.ts';
import { release } from '../../../src/shared/release.ts';
import { eachKind, elementCount, kindsInOrder } from './layer.ts';
import type { Layer } from './layer.ts';
import { takenInOrder, usedInOrder } from './in-order.ts';
import { joinedWords } from './joined-words.ts';
import { flipBytes, tablesBytes } from './messages.ts';
import type { ClientSigns, ServerSigns } from './sign.ts';
import type { ClientProduct, ServerProduct } from './square.ts';
import type { ClientKeys, ServerKeys } from './transfers.ts';
import { truncationChoices } from './truncation.ts';
import { windowBits, windowOf } from './window.ts';
import type { ClientActivationWork, ServerActivationWork } from './work.ts';

/**
 * The offline message of an activation layer, from C to S, once C knows its share: what turns random
 * transfers into those of the layer. Both halves. First come the flips, a bit per truncated element: C's
 * random choice xor the choice that the truncation takes. Then come the strings of the sign tests, and the
 * corrections of the squares' products. Strings are made and read while others are sent, batch by batch.
 */
const noWords = new Uint32Array();
const noPairs: KeyPairs = { k0: noWords, k1: noWords };

export type ClientCorrelations = {
  /** The OT keys of the truncations; empty for a kind that is not truncated. */
  readonly keys: ByKind<Uint32Array>;
  /** rot1: C's random bit of each ReLU, and the key that it chose. */
  readonly b: Uint8Array;
  readonly kb: Uint32Array;
  /** rot2: the keys that C offers. */
  readonly pairs: KeyPairs;
  readonly signs: ClientSigns;
  readonly product: ClientProduct;
};

/**
 * `values`: C's shares by kind. Uses the keys up. Sends nothing for a layer that needs no message. `most` is
 * that of `Message`.
 */
export async function sendTables(
  channel: Channel,
  step: number,
  layer: Layer,
  keys: ClientKeys,
  values: ByKind<Uint32Array>,
  work: ClientActivationWork,
  most?: number,
): Promise<ClientCorrelations> {
  const message = new PartWriter(channel, messageOf(step, layer, most));
  const relus = elementCount(layer, 'relu');
  let at = relus;
  const taken = eachKind((kind) => {
    const [from, to] = [at, (at += truncatedCount(layer, kind))];
    return { choices: keys.choices.subarray(from, to), keys: keys.chosen.subarray(from, to) };
  });
  const choices = eachKind((kind) => taken[kind].choices);
  await message.write(packBits(flipsOf(layer, values, choices)));
  const window = windowOf(layer.spec.relu);
  const make = (i: number) => {
    const x = values.relu.subarray(i * batchElements, (i + 1) * batchElements);
    return work.clientTables({ window, x, keys: keys.batches[i]! });
  };
  const signs: Uint8Array[] = [];
  await usedInOrder(keys.batches.length, batchesInWork, make, async ({ strings, tables }) => {
    signs.push(tables);
    await message.write(strings);
  });
  const { corrections, ...product } = keys.products;
  await message.write(corrections);
  return {
    keys: eachKind((kind) => taken[kind].keys),
    b: keys.choices.subarray(0, relus),
    kb: keys.chosen.subarray(0, relus),
    pairs: {
      k0: joinedWords(keys.batches.map(({ h0 }) => h0)),
      k1: joinedWords(keys.batches.map(({ h1 }) => h1)),
    },
    signs,
    product,
  };
}

function messageOf(step: number, { spec }: Layer, most: number | undefined): Message {
  return { tag: tags.tables, step, length: tablesBytes(spec), ...(most !== undefined && { most }) };
}

/** Batches in work at once: 0.1 MB each, and enough to keep threads busy. */
const batchesInWork = 64;

function truncatedCount(layer: Layer, kind: keyof ByKind<unknown>): number {
  return layer.spec[kind].truncate > 0 ? elementCount(layer, kind) : 0;
}

/** The flips of all kinds, one bit a byte. */
function flipsOf(layer: Layer, values: ByKind<Uint32Array>, choices: ByKind<Uint8Array>): Uint8Array {
  const flips = eachKind((kind) =>
    truncatedCount(layer, kind) === 0
      ? new Uint8Array()
      : truncationChoices(values[kind]).map((choice, i) => choice ^ choices[kind][i]!),
  );
  return concatenate(kindsInOrder.map((kind) => flips[kind]));
}

export type ServerCorrelations = {
  /** The pairs (g0, g1) of the truncations; empty for a kind that is not truncated. */
  readonly pairs: ByKind<KeyPairs>;
  /** rot1: the keys that S offers. */
  readonly rot1: KeyPairs;
  readonly signs: ServerSigns;
  readonly product: ServerProduct;
};

/**
 * The other half of `sendTables`, which uses the keys up. Rejects with ProtocolError when C's message is
 * malformed.
 */
export async function takeTables(
  channel: Channel,
  step: number,
  layer: Layer,
  keys: ServerKeys,
  work: ServerActivationWork,
  most?: number,
): Promise<ServerCorrelations> {
  const message = new PartReader(channel, messageOf(step, layer, most));
  const relus = elementCount(layer, 'relu');
  const flips = await message.read(flipBytes(layer.spec));
  const { k0, k1 } = keys.offered;
  const flipped = unpackBits(flips, k0.length - relus, 'activation: flips');
  release(flips);
  let at = relus;
  const pairs = eachKind((kind) => {
    const [from, to] = [at, (at += truncatedCount(layer, kind))];
    if (from === to) return noPairs;
    const own = { k0: k0.subarray(from, to), k1: k1.subarray(from, to) };
    exchange(own, flipped.subarray(from - relus, to - relus));
    return own;
  });
  const bits = windowBits(layer.spec.relu);
  const batches = await takenInOrder(keys.batches, batchesInWork, async (own) => {
    const size = own.e.length;
    const strings = await message.read(stringBytes(bits, size));
    return async () => {
      const tables = await work.serverTables({ windowBits: bits, size, keys: own, strings });
      release(strings);
      return { tables, choices: own.choices };
    };
  });
  const shares = await takenInOrder(keys.products, batchesInWork, async (own) => {
    const corrections = await message.read(correctionBytes(own.a.length));
    return () => work.serverProducts({ keys: own, corrections });
  });
  return {
    pairs,
    rot1: { k0: k0.subarray(0, relus), k1: k1.subarray(0, relus) },
    signs: {
      batches,
      e: concatenate(keys.batches.map(({ e }) => e)),
      h: joinedWords(keys.batches.map(({ h }) => h)),
    },
    product: {
      a: concatenateWords(keys.products.map(({ a }) => a)),
      product: concatenateWords(shares),
    },
  };
}

/** Exchanges the two keys of each transfer for which C's choice was flipped, in the same time for both. */
function exchange({ k0, k1 }: KeyPairs, flipped: Uint8Array): void {
  for (let i = 0; i < flipped.length; i++) {
    const difference = -flipped[i]! & (k0[i]! ^ k1[i]!);
    k0[i]! ^= difference;
    k1[i]! ^= difference;
  }
}
