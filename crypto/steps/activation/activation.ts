import type { Channel } from '../../channel/channel.ts';
import { ProtocolError, ReluctantError } from '../../../src/shared/errors.ts';
import { concatenate, packBits, packedBytes, packFields, unpackBits, unpackFields } from '../../bits.ts';
import type { KeyPairs } from '../../ot/transfers.ts';
import { loadPlanes } from '../../ring/planes.ts';
import type { Planes } from '../../ring/planes.ts';
import { sendTables, takeTables } from './correlations.ts';
import { aligned, clientWords, messageLength, replyLength, serverWords } from './messages.ts';
import { cutsOf, pairsOf, partOf } from './parts.ts';
import {
  addInPlace,
  eachKind,
  sharesByKind,
  kindsInOrder,
  layerOf,
  ofChannels,
  elementCount,
} from './layer.ts';
import type { Layer } from './layer.ts';
import { clientRelu, serverRelu, serverReluMessage } from './relu.ts';
import type { ClientReluState } from './relu.ts';
import { clientSigns, writeServerBits } from './sign.ts';
import type { ClientSigns, ServerSigns } from './sign.ts';
import type { ActivationSpec, ByKind } from '../../spec.ts';
import { clientSquare, serverSquare } from './square.ts';
import type { ClientProduct, ServerProduct } from './square.ts';
import type { ClientKeys, ServerKeys } from './transfers.ts';
import { clientTruncate, serverTruncate } from './truncation.ts';
import type { ClientActivationWork, ServerActivationWork } from './work.ts';

export { messageBytes, messageLength, offlineBytes, replyBytes, replyLength } from './messages.ts';

/**
 * One activation layer: x shared in, y shared out, in one round trip online whatever the mix of kinds. C is
 * the client, S the server. Offline:
 *
 *   both     the keys of the layer's transfers, ahead and for all layers together (transfers.ts)
 *   C -> S   tables    C's choices of the truncations, the strings of the sign tests, and the corrections
 *                      of the squares' products
 *
 * Online, for each part of the layer (parts.ts): S -> C `serverMessage`, and C -> S `clientReply`. S then
 * holds u = y - mask. S sends all parts before it waits.
 */
// ---- what the two parties keep ----------------------------------------------------------------------------

/**
 * The client's side of a layer. `mask` [elements] is its share of the output wire. The material serves once.
 */
export type ClientActivation = {
  readonly layer: Layer;
  readonly mask: Uint32Array;
  material: ClientMaterial | undefined;
};

type ClientMaterial = {
  readonly planes: Planes;
  /** C's shares, gathered and scaled, before truncation. */
  readonly values: ByKind<Uint32Array>;
  /** OT keys of the truncations; empty for a kind that is not truncated. */
  readonly keys: ByKind<Uint32Array>;
  readonly relu: ClientReluState & { readonly signs: ClientSigns };
  readonly product: ClientProduct;
};

/** The server's side of a layer. It is fresh, then waits for the reply, then is spent. */
export type ServerActivation = {
  readonly layer: Layer;
  material: ServerMaterial | undefined;
  waiting: { readonly material: ServerMaterial; readonly values: ByKind<Uint32Array> } | undefined;
};

type ServerMaterial = {
  readonly planes: Planes;
  readonly pairs: ByKind<KeyPairs>;
  readonly relu: {
    readonly signs: ServerSigns;
    /** The keys that S offers in rot1. */
    readonly pairs: KeyPairs;
  };
  readonly product: ServerProduct;
};

// ---- offline ----------------------------------------------------------------------------------------------

/**
 * The client's offline half. `keys` are those of this layer. `xC` [elements] is its share of the input wire,
 * `mask` [elements] that of the output wire: uniform words, used once. `most` is that of `Message`.
 */
export async function activationOfflineClient(
  channel: Channel,
  step: number,
  keys: ClientKeys,
  work: ClientActivationWork,
  spec: ActivationSpec,
  xC: Uint32Array,
  mask: Uint32Array,
  most?: number,
): Promise<ClientActivation> {
  const layer = layerOf(spec);
  checkSize(layer, xC);
  checkSize(layer, mask);
  const values = sharesByKind(layer, xC);
  const correlations = await sendTables(channel, step, layer, keys, values, work, most);
  const { keys: truncations, product, ...relu } = correlations;
  return {
    layer,
    mask,
    material: { planes: await loadPlanes(), values, keys: truncations, relu, product },
  };
}

/**
 * The server's offline half. Rejects with ProtocolError when the client's message has a wrong length or stray
 * bits.
 */
export async function activationOfflineServer(
  channel: Channel,
  step: number,
  keys: ServerKeys,
  work: ServerActivationWork,
  spec: ActivationSpec,
  most?: number,
): Promise<ServerActivation> {
  const layer = layerOf(spec);
  const { pairs, rot1, signs, product } = await takeTables(channel, step, layer, keys, work, most);
  return {
    layer,
    material: { planes: await loadPlanes(), pairs, relu: { signs, pairs: rot1 }, product },
    waiting: undefined,
  };
}

/**
 * The parts of a layer, each with its material, which they take from the layer. Throws as `clientReply`
 * does.
 */
export function clientParts(state: ClientActivation): ClientActivation[] {
  const { planes, values, keys, relu, product } = taken(state.material);
  state.material = undefined;
  return cutsOf(state.layer).map((cut): ClientActivation => {
    const { index, of } = cut;
    return {
      layer: partOf(state.layer, cut),
      mask: state.mask,
      material: {
        planes,
        values: eachKind((kind) => of(values[kind])),
        keys: eachKind((kind) => of(keys[kind])),
        relu: {
          ...{ b: of(relu.b), kb: of(relu.kb), pairs: pairsOf(relu.pairs, cut) },
          signs: relu.signs.slice(index, index + 1),
        },
        product: { u: of(product.u), product: of(product.product) },
      },
    };
  });
}

/** The same for S. Throws as `serverMessage` does. */
export function serverParts(state: ServerActivation): ServerActivation[] {
  const { planes, pairs, relu, product } = taken(state.material);
  state.material = undefined;
  return cutsOf(state.layer).map((cut): ServerActivation => {
    const { index, of } = cut;
    const { batches, e, h } = relu.signs;
    return {
      layer: partOf(state.layer, cut),
      material: {
        planes,
        pairs: eachKind((kind) => pairsOf(pairs[kind], cut)),
        relu: {
          signs: { batches: batches.slice(index, index + 1), e: of(e), h: of(h) },
          pairs: pairsOf(relu.pairs, cut),
        },
        product: { a: of(product.a), product: of(product.product) },
      },
      waiting: undefined,
    };
  });
}

// ---- online -----------------------------------------------------------------------------------------------

/**
 * S's frame, `messageBytes(spec)` bytes if the layer has one part. `xS` is its share of the input wire of the
 * whole layer, [elements]. It takes the material, and throws ReluctantError when that was taken
 * before.
 */
export function serverMessage(state: ServerActivation, xS: Uint32Array): Uint8Array<ArrayBuffer> {
  const { layer } = state;
  checkSize(layer, xS);
  const material = taken(state.material);
  state.material = undefined;
  const inputs = sharesByKind(layer, xS);
  const cuts = eachKind((kind) => serverCut(inputs[kind], layer.spec[kind].truncate, material.pairs[kind]));
  for (const kind of kindsInOrder) addOffset[kind](cuts[kind].share, layer);
  state.waiting = { material, values: eachKind((kind) => cuts[kind].share) };

  const message = new Uint8Array(messageLength(layer));
  const { d2, d, signs, rest } = serverWords(message, layer);
  const { relu, product, planes } = material;
  writeServerBits(planes, layer.spec.relu, relu.signs, inputs.relu, signs);
  d2.set(serverReluMessage(cuts.relu.share, relu.signs.e, relu.pairs));
  for (let i = 0; i < d.length; i++) d[i] = cuts.square.share[i]! - product.a[i]!;
  const fields = kindsInOrder.map((kind) => packFields(cuts[kind].d1, layer.spec[kind].truncate));
  rest.set(concatenate(fields));
  return message;
}

/**
 * C's frame, `replyBytes(spec)` bytes if the layer has one part. It takes the material. Throws
 * ProtocolError when the message does not fit the spec, ReluctantError when the material was taken before.
 */
export function clientReply(state: ClientActivation, message: Uint8Array): Uint8Array<ArrayBuffer> {
  const { layer, mask } = state;
  checkLength('the server', message, messageLength(layer));
  const material = taken(state.material);
  state.material = undefined;
  const { d2, d, signs, rest } = serverWords(aligned(message), layer);
  const shares = clientCuts(layer, material, rest);
  const { relu, product, planes, values } = material;
  const eC = clientSigns(planes, layer.spec.relu, relu.signs, values.relu, signs);
  const outcome = clientRelu(relu, shares.relu, eC, d2);
  const sign = ofChannels(layer.spec.square.sign, layer.positions.square, layer.spec.channelSize);

  const reply = new Uint8Array(replyLength(layer));
  const { d3, e, masked, bits } = clientWords(reply, layer);
  d3.set(outcome.d3);
  for (let i = 0; i < e.length; i++) e[i] = shares.square[i]! - product.u[i]!;
  const square = clientSquare(shares.square, product, d, sign);
  const output: ByKind<Uint32Array> = { relu: outcome.share, affine: shares.affine, square };
  for (const kind of kindsInOrder) subtractAt(masked[kind], output[kind], mask, layer.positions[kind]);
  bits.set(packBits(outcome.c));
  return reply;
}

/**
 * S's result u = y - mask, [elements]: of a part its elements, written to `y`, which it returns. Throws as
 * `clientReply` does, and ReluctantError before `serverMessage`.
 */
export function serverFinish(
  state: ServerActivation,
  reply: Uint8Array,
  y: Uint32Array<ArrayBuffer> = new Uint32Array(state.layer.size),
): Uint32Array<ArrayBuffer> {
  const { layer } = state;
  checkLength('the client', reply, replyLength(layer));
  const { material, values } = taken(state.waiting);
  state.waiting = undefined;
  const { d3, e, masked, bits } = clientWords(aligned(reply), layer);
  const { relu, product } = material;
  const c = unpackBits(bits, layer.positions.relu.length, 'activation: c');
  const { sign: signs, constant } = layer.spec.square;
  const ofSquares = (table: Int32Array | Int8Array) =>
    ofChannels(table, layer.positions.square, layer.spec.channelSize);
  const squares = serverSquare(values.square, product, e, ofSquares(signs));
  const share: ByKind<Uint32Array> = {
    relu: serverRelu(values.relu, relu.signs.e, relu.pairs.k0, relu.signs.h, c, d3),
    affine: values.affine,
    square: addInPlace(squares, ofSquares(constant)),
  };
  for (const kind of kindsInOrder) addTo(y, layer.positions[kind], share[kind], masked[kind]);
  return y;
}

/** out = a - b[positions] */
function subtractAt(out: Uint32Array, a: Uint32Array, b: Uint32Array, positions: Uint32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = a[i]! - b[positions[i]!]!;
}

/** out[positions] = a + b */
function addTo(out: Uint32Array, positions: Uint32Array, a: Uint32Array, b: Uint32Array): void {
  for (let i = 0; i < a.length; i++) out[positions[i]!] = a[i]! + b[i]!;
}

/** The server adds the offset of a kind that has one to its share. */
const addOffset: ByKind<(share: Uint32Array, layer: Layer) => void> = {
  relu: () => undefined,
  affine: (share, { affine }) => void addInPlace(share, affine.offset),
  square: (share, { square }) => void addInPlace(share, square.offset),
};

/** C's shares after truncation. d1 comes from the tail of the server's frame. */
function clientCuts(layer: Layer, material: ClientMaterial, tail: Uint8Array): ByKind<Uint32Array> {
  let at = 0;
  return eachKind((kind) => {
    const t = layer.spec[kind].truncate;
    const count = elementCount(layer, kind);
    const field = tail.subarray(at, (at += packedBytes(count, t)));
    if (t === 0) return material.values[kind];
    const d1 = unpackFields(field, count, t, `activation: d1 of ${kind}`);
    return clientTruncate(material.values[kind], t, material.keys[kind], d1);
  });
}

function serverCut(x: Uint32Array, t: number, pairs: KeyPairs): { d1: Uint32Array; share: Uint32Array } {
  return t === 0 ? { d1: new Uint32Array(), share: x.slice() } : serverTruncate(x, t, pairs);
}

function taken<T>(material: T | undefined): T {
  if (material !== undefined) return material;
  throw new ReluctantError(
    'activation: this one-time material is not fresh: make new offline material and start again',
  );
}

function checkSize(layer: Layer, share: Uint32Array): void {
  if (share.length === layer.size) return;
  throw new RangeError(`activation: expected a share of ${layer.size} elements, got ${share.length}`);
}

function checkLength(peer: string, bytes: Uint8Array, expected: number): void {
  if (bytes.byteLength === expected) return;
  throw new ProtocolError(`activation: expected ${expected} bytes from ${peer}, got ${bytes.byteLength}`);
}
