import { frameHeaderBytes } from '../../channel/channel.ts';
import { packedBytes } from '../../bits.ts';
import { labelBytes, tableBytes, inputWords } from '../../gc/circuit.ts';
import { saltBytes } from '../../hash.ts';
import { extensionBytes } from '../../ot/extension.ts';
import { checkSpec, countElements, kindsInOrder, shapeOf } from './layer.ts';
import { windowWires } from './sign.ts';
import type { ActivationSpec, ByKind } from '../../spec.ts';
import type { Layer } from './layer.ts';

/** Exact lengths of an activation layer's messages, from the public spec alone: the only lengths that are accepted. */

/** The sum over kinds of what `of` says for so many elements of a kind. */
function total(spec: ActivationSpec, of: ByKind<(count: number, spec: ActivationSpec) => number>): number {
  checkSpec(spec);
  const counts = countElements(spec.kinds);
  return kindsInOrder.reduce((sum, kind) => sum + of[kind](counts[kind], spec), 0);
}

/** Payload of the server's frame: labels (16 wires a ReLU), d2 (4 a ReLU), d (4 a square), then d1 of each kind in t bits. */
export function messageBytes(spec: ActivationSpec): number {
  return total(spec, serverBytes);
}

const serverBytes: ByKind<(count: number, spec: ActivationSpec) => number> = {
  relu: (n, { relu }) => (labelBytes * windowWires(relu) + 4) * n + packedBytes(n, relu.truncate),
  affine: (n, { affine }) => packedBytes(n, affine.truncate),
  square: (n, { square }) => 4 * n + packedBytes(n, square.truncate),
};

/** Payload of the client's frame: d3 (4 a ReLU), e (4 a square), y_C - r (4 an element), then c in bits. */
export function replyBytes(spec: ActivationSpec): number {
  return total(spec, clientBytes);
}

const clientBytes: ByKind<(count: number) => number> = {
  relu: (n) => 8 * n + packedBytes(n, 1),
  affine: (n) => 4 * n,
  square: (n) => 8 * n,
};

/** Random OTs in which the client chooses, beside the ReLUs' window labels: one a truncated element, one a ReLU. */
export function clientTransfers(spec: ActivationSpec): number {
  return total(spec, chosenTransfers);
}

const truncated = (count: number, t: number) => (t > 0 ? count : 0);

const chosenTransfers: ByKind<(count: number, spec: ActivationSpec) => number> = {
  relu: (n, { relu }) => (windowWires(relu) + 1) * n + truncated(n, relu.truncate),
  affine: (n, { affine }) => truncated(n, affine.truncate),
  square: (n, { square }) => truncated(n, square.truncate),
};

/** Circuits that the server garbles, and transfers in which it chooses: one each for an element that has its sign tested. */
const garbled: ByKind<(count: number) => number> = { relu: (n) => n, affine: () => 0, square: () => 0 };

/** Products of a factor of each party's, made offline: see product.ts. */
const products: ByKind<(count: number) => number> = { relu: () => 0, affine: () => 0, square: (n) => n };

/** How many products an activation layer takes. */
export function productCount(spec: ActivationSpec): number {
  return total(spec, products);
}

/** Payload of `garbled`: the salt, then the tables. */
export function garbledBytes(spec: ActivationSpec): number {
  return saltBytes + tableBytes({ wires: windowWires(spec.relu), count: total(spec, garbled) });
}

/**
 * Bytes of the layer's offline phase as Channel.traffic counts them, frame headers included; the products of squares, which
 * the caller brings, left out.
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

/** Layout of the two online frames of an activation layer. Words are little-endian. */

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

/** Consecutive word views from the start of aligned bytes. */
function viewer(bytes: Uint8Array): (words: number) => Uint32Array {
  let at = bytes.byteOffset;
  return (words) => {
    const view = new Uint32Array(bytes.buffer, at, words);
    at += view.byteLength;
    return view;
  };
}

/** Word views need an offset that 4 divides. */
export function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
}
