import { frameHeaderBytes } from '../../channel/channel.ts';
import { packedBytes } from '../../bits.ts';
import { labelBytes, tableBytes, inputWords } from '../../gc/circuit.ts';
import { saltBytes } from '../../hash.ts';
import { extensionBytes } from '../../ot/extension.ts';
import { checkSpec, countElements, kindsInOrder, shapeOf } from './layer.ts';
import { windowWires } from './sign.ts';
import type { ActivationSpec, ByKind } from '../../spec.ts';
import type { Layer } from './layer.ts';

/**
 * The exact lengths of an activation layer's messages, which are the only ones accepted. They follow from the
 * public spec alone.
 */

/** The sum over kinds of what `of` says for so many elements of a kind. */
function total(spec: ActivationSpec, of: ByKind<(count: number, spec: ActivationSpec) => number>): number {
  checkSpec(spec);
  const counts = countElements(spec.kinds);
  return kindsInOrder.reduce((sum, kind) => sum + of[kind](counts[kind], spec), 0);
}

/**
 * Bytes of the server's frame, without the header: labels (16 per wire and ReLU), d2 (4 per ReLU), d (4 per
 * square), then d1 of each kind in t bits per element.
 */
export function messageBytes(spec: ActivationSpec): number {
  return total(spec, serverBytes);
}

const serverBytes: ByKind<(count: number, spec: ActivationSpec) => number> = {
  relu: (n, { relu }) => (labelBytes * windowWires(relu) + 4) * n + packedBytes(n, relu.truncate),
  affine: (n, { affine }) => packedBytes(n, affine.truncate),
  square: (n, { square }) => 4 * n + packedBytes(n, square.truncate),
};

/**
 * Bytes of the client's frame, without the header: d3 (4 per ReLU), e (4 per square), y_C - r (4 per
 * element), then c in bits.
 */
export function replyBytes(spec: ActivationSpec): number {
  return total(spec, clientBytes);
}

const clientBytes: ByKind<(count: number) => number> = {
  relu: (n) => 8 * n + packedBytes(n, 1),
  affine: (n) => 4 * n,
  square: (n) => 8 * n,
};

/**
 * The number of transfers in which the client chooses: the window labels of each ReLU, one per truncated
 * element and one per ReLU.
 */
export function clientTransfers(spec: ActivationSpec): number {
  return total(spec, chosenTransfers);
}

const truncated = (count: number, t: number) => (t > 0 ? count : 0);

const chosenTransfers: ByKind<(count: number, spec: ActivationSpec) => number> = {
  relu: (n, { relu }) => (windowWires(relu) + 1) * n + truncated(n, relu.truncate),
  affine: (n, { affine }) => truncated(n, affine.truncate),
  square: (n, { square }) => truncated(n, square.truncate),
};

/**
 * The number of circuits that the server garbles, and of transfers in which it chooses: one per element whose
 * sign is tested.
 */
const garbled: ByKind<(count: number) => number> = { relu: (n) => n, affine: () => 0, square: () => 0 };

/** Products of a factor of each party's, made offline: see product.ts. */
const products: ByKind<(count: number) => number> = { relu: () => 0, affine: () => 0, square: (n) => n };

/** How many products an activation layer takes. */
export function productCount(spec: ActivationSpec): number {
  return total(spec, products);
}

/** Bytes of `garbled`, without the header: the salt, then the tables. */
export function garbledBytes(spec: ActivationSpec): number {
  return saltBytes + tableBytes({ wires: windowWires(spec.relu), count: total(spec, garbled) });
}

/**
 * Bytes of the layer's offline phase as `Channel.traffic` counts them, frame headers included. The products
 * of squares are not counted, because the caller brings them.
 */
export function offlineBytes(spec: ActivationSpec): { up: number; down: number } {
  const transfers = clientTransfers(spec);
  const frame = (payload: number) => frameHeaderBytes + payload;
  return {
    up: transfers === 0 ? 0 : frame(extensionBytes(transfers)),
    down: offlinePayloads(spec).reduce((sum, payload) => sum + frame(payload), 0),
  };
}

/** Payloads of what the server sends offline. */
function offlinePayloads(spec: ActivationSpec): number[] {
  const circuits = total(spec, garbled);
  return circuits === 0 ? [] : [extensionBytes(circuits), garbledBytes(spec)];
}

/** Payload of the longest message that the server sends in a layer, the products of squares left out. */
export function longestFromServer(spec: ActivationSpec): number {
  return Math.max(messageBytes(spec), ...offlinePayloads(spec));
}

/** The layout of the two online frames of an activation layer. Words are little-endian. */

/** Views of the server's frame: labels, d2, d, and the bytes after them. */
export function serverWords(message: Uint8Array, layer: Layer) {
  const take = viewer(message);
  const labels = take(inputWords(shapeOf(layer)));
  const d2 = take(layer.positions.relu.length);
  const d = take(layer.positions.square.length);
  return { labels, d2, d, rest: message.subarray(d.byteOffset + d.byteLength - message.byteOffset) };
}

/** Views of the client's frame: d3, e, y_C - r, and the bits c. */
export function clientWords(reply: Uint8Array, layer: Layer) {
  const take = viewer(reply);
  const d3 = take(layer.positions.relu.length);
  const e = take(layer.positions.square.length);
  const masked = take(layer.size);
  return { d3, e, masked, bits: reply.subarray(masked.byteOffset + masked.byteLength - reply.byteOffset) };
}

/** A function that takes consecutive word views from the start of aligned bytes. */
function viewer(bytes: Uint8Array): (words: number) => Uint32Array {
  let at = bytes.byteOffset;
  return (words) => {
    const view = new Uint32Array(bytes.buffer, at, words);
    at += view.byteLength;
    return view;
  };
}

/** The bytes, copied if 4 does not divide their offset, as word views need. */
export function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
}
