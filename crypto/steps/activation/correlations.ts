import { tags } from '../../channel/channel.ts';
import type { Channel } from '../../channel/channel.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { asWords, concatenate } from '../../bits.ts';
import { inputWords, labelWords } from '../../gc/circuit.ts';
import { evaluationKeys } from '../../gc/evaluate.ts';
import { garble } from '../../gc/garble.ts';
import { saltBytes } from '../../hash.ts';
import type { TweakedCipher } from '../../hash.ts';
import { extensionBytes } from '../../ot/extension.ts';
import type { KeyPairs } from '../../ot/extension.ts';
import type { OtClient, OtServer } from '../../ot/session.ts';
import { prg } from '../../prg.ts';
import { eachKind, kindsInOrder, shapeOf, elementCount } from './layer.ts';
import type { Layer } from './layer.ts';
import type { ByKind } from '../../spec.ts';
import { windowChoices } from './sign.ts';
import { clientTransfers, garbledBytes } from './messages.ts';
import { truncationChoices } from './truncation.ts';

/**
 * The offline messages of an activation layer, which give the parties their transfers and circuits. Both
 * halves, in wire order.
 */

const noWords = new Uint32Array();
const noPairs: KeyPairs = { k0: noWords, k1: noWords };

type ClientTransfers = {
  /** The labels of C's window bits, [wires, ReLUs, 4 words]. */
  readonly labels: Uint32Array;
  /** The OT keys of the truncations; empty for a kind that is not truncated. */
  readonly keys: ByKind<Uint32Array>;
  /** The keys that C chose in rot1. */
  readonly kb: Uint32Array;
};

type ServerTransfers = {
  /** The zero labels of C's window bits. */
  readonly zeros: Uint32Array;
  readonly pairs: ByKind<KeyPairs>;
  readonly rot1: KeyPairs;
};

/** What the evaluator keeps of a garbling. */
export type Circuits = {
  readonly salt: Uint8Array;
  readonly tables: Uint8Array;
  readonly keys: TweakedCipher;
};

/** C's choices, in this order: labels, then the truncations of each kind, then b. */
export async function offerChoices(
  channel: Channel,
  step: number,
  ot: OtClient,
  layer: Layer,
  values: ByKind<Uint32Array>,
  b: Uint8Array,
): Promise<ClientTransfers> {
  const window = windowChoices(values.relu, layer.spec.relu);
  const tops = kindsInOrder.map((kind) =>
    layer.spec[kind].truncate > 0 ? truncationChoices(values[kind]) : new Uint8Array(),
  );
  const choices = concatenate([window, ...tops, b]);
  if (choices.length === 0) return { labels: noWords, keys: eachKind(() => noWords), kb: noWords };
  // This extends and hashes before the first await, so that callers that start several layers do so in the
  // order of the steps.
  const { message, rows } = ot.receiver.extend(choices);
  const [labels, rest] = cut(rows, labelWords * window.length);
  const take = splitter(ot.receiver.keys(rest));
  await channel.send(tags.otExtension, step, message);
  return { labels, keys: eachKind((_, i) => take(tops[i]!.length)), kb: take(b.length) };
}

/** The other half of `offerChoices`. Rejects with ProtocolError when C's message is malformed. */
export async function takeChoices(
  channel: Channel,
  step: number,
  ot: OtServer,
  layer: Layer,
): Promise<ServerTransfers> {
  const count = clientTransfers(layer.spec);
  if (count === 0) return { zeros: noWords, pairs: eachKind(() => noPairs), rot1: noPairs };
  const message = await channel.receive(tags.otExtension, step, extensionBytes(count));
  const [zeros, rest] = cut(ot.sender.extend(message, count), inputWords(shapeOf(layer)));
  const { k0, k1 } = ot.sender.keyPairs(rest);
  const [take0, take1] = [splitter(k0), splitter(k1)];
  const take = (n: number): KeyPairs => ({ k0: take0(n), k1: take1(n) });
  const pairs = eachKind((kind) => take(layer.spec[kind].truncate > 0 ? elementCount(layer, kind) : 0));
  return { zeros, pairs, rot1: take(layer.positions.relu.length) };
}

/** S garbles, chooses with e_S = 1 xor the colour of the output's zero label, and sends both messages. */
export async function sendGarbled(
  channel: Channel,
  step: number,
  ot: OtServer,
  layer: Layer,
  evaluatorZero: Uint32Array,
  labelSeed: Uint8Array,
  rng: Rng,
): Promise<{ e: Uint8Array; h: Uint32Array }> {
  const shape = shapeOf(layer);
  if (shape.count === 0) return { e: new Uint8Array(), h: noWords };
  const garblerZero = asWords(prg(labelSeed).bytes(4 * inputWords(shape)));
  const salt = rng.bytes(saltBytes);
  const { tables, colours } = garble({ ...shape, delta: ot.sender.delta, evaluatorZero, garblerZero, salt });
  const e = colours.map((colour) => colour ^ 1);
  const { message, rows } = ot.receiver.extend(e);
  await channel.send(tags.otExtension, step, message);
  await channel.send(tags.garbled, step, concatenate([salt, tables]));
  return { e, h: ot.receiver.keys(rows) };
}

/** The other half of `sendGarbled`. Rejects with ProtocolError when one of S's messages is malformed. */
export async function takeGarbled(
  channel: Channel,
  step: number,
  ot: OtClient,
  layer: Layer,
): Promise<{ pairs: KeyPairs } & Circuits> {
  const count = layer.positions.relu.length;
  if (count === 0) return { pairs: noPairs, ...circuitsOf(layer, new Uint8Array(saltBytes)) };
  const message = await channel.receive(tags.otExtension, step, extensionBytes(count));
  const pairs = ot.sender.keyPairs(ot.sender.extend(message, count));
  const garbled = await channel.receive(tags.garbled, step, garbledBytes(layer.spec));
  return { pairs, ...circuitsOf(layer, garbled) };
}

function circuitsOf(layer: Layer, garbled: Uint8Array): Circuits {
  const [salt, tables] = [garbled.subarray(0, saltBytes), garbled.subarray(saltBytes)];
  return { salt, tables, keys: evaluationKeys(shapeOf(layer), salt) };
}

function cut(words: Uint32Array, at: number): [Uint32Array, Uint32Array] {
  return [words.subarray(0, at), words.subarray(at)];
}

/** A function that takes consecutive pieces of `words`. */
function splitter<B extends ArrayBufferLike>(words: Uint32Array<B>): (count: number) => Uint32Array<B> {
  let at = 0;
  return (count) => words.subarray(at, (at += count));
}
