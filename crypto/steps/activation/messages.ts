import { framedBytes } from '../../channel/parts.ts';
import { packedBytes } from '../../bits.ts';
import { correctionBytes, productTransfers } from '../../products/products.ts';
import { batchesOf, signBytes, stringBytes, transfersOf } from '../../sign/batch.ts';
import { checkedCounts, eachKind, elementCount, kindsInOrder } from './layer.ts';
import { partCounts } from './parts.ts';
import { windowBits } from './window.ts';
import type { ActivationSpec, ByKind } from '../../spec.ts';
import type { Layer } from './layer.ts';

/**
 * The exact lengths of an activation layer's messages, which are the only ones accepted. They follow from the
 * public spec alone.
 */

/** What the elements of each kind add to a total. */
type Parts = ByKind<(count: number, spec: ActivationSpec) => number>;

function total(spec: ActivationSpec, of: Parts, counts: ByKind<number> = checkedCounts(spec)): number {
  return kindsInOrder.reduce((sum, kind) => sum + of[kind](counts[kind], spec), 0);
}

/** The same for a layer or a part of one, whose spec is checked and whose elements are counted. */
function totalOf(layer: Layer, of: Parts): number {
  return total(
    layer.spec,
    of,
    eachKind((kind) => elementCount(layer, kind)),
  );
}

/** The payload bytes of the two frames of each part of a layer, in the order of the wire. */
export function onlinePartBytes(
  spec: ActivationSpec,
): { readonly message: number; readonly reply: number }[] {
  return partCounts(checkedCounts(spec)).map((counts) => ({
    message: total(spec, serverBytes, counts),
    reply: total(spec, clientBytes, counts),
  }));
}

/**
 * Bytes of the server's frames, without headers: d2 (4 per ReLU), d (4 per square), the bits of the sign
 * tests, then d1 of each kind in t bits per element.
 */
export function messageBytes(spec: ActivationSpec): number {
  return total(spec, serverBytes);
}

/** `messageBytes` of a layer or a part of one. */
export function messageLength(layer: Layer): number {
  return totalOf(layer, serverBytes);
}

const serverBytes: Parts = {
  relu: (n, { relu }) => 4 * n + signBytes(windowBits(relu), n) + packedBytes(n, relu.truncate),
  affine: (n, { affine }) => packedBytes(n, affine.truncate),
  square: (n, { square }) => 4 * n + packedBytes(n, square.truncate),
};

/**
 * Bytes of the client's frames, without headers: d3 (4 per ReLU), e (4 per square), y_C - r (4 per element,
 * kind by kind), then c in bits.
 */
export function replyBytes(spec: ActivationSpec): number {
  return total(spec, clientBytes);
}

/** `replyBytes` of a layer or a part of one. */
export function replyLength(layer: Layer): number {
  return totalOf(layer, clientBytes);
}

const clientBytes: Parts = {
  relu: (n) => 8 * n + packedBytes(n, 1),
  affine: (n) => 4 * n,
  square: (n) => 8 * n,
};

/**
 * The number of transfers in which the client chooses: one per ReLU and one per truncated element.
 */
export function clientTransfers(spec: ActivationSpec): number {
  return total(spec, { ...truncations, relu: (n, { relu }) => n + truncated(n, relu.truncate) });
}

const truncated = (count: number, t: number) => (t > 0 ? count : 0);

/** Elements of each kind that are truncated. */
const truncations: Parts = {
  relu: (n, { relu }) => truncated(n, relu.truncate),
  affine: (n, { affine }) => truncated(n, affine.truncate),
  square: (n, { square }) => truncated(n, square.truncate),
};

/** The number of transfers in which the server chooses: those of the sign tests and of the squares. */
export function serverTransfers(spec: ActivationSpec): number {
  return total(spec, chosenByServer);
}

const chosenByServer: Parts = {
  relu: (n, { relu }) => n * transfersOf(windowBits(relu)),
  affine: () => 0,
  square: (n) => n * productTransfers,
};

/** Bytes of the flips in `tablesBytes`: one bit per truncated element. */
export function flipBytes(spec: ActivationSpec): number {
  return packedBytes(total(spec, truncations), 1);
}

/**
 * Bytes of the client's offline message, without headers: a bit per truncated element, then the strings of
 * the sign tests, then the corrections of the squares' products, batch by batch. A layer that needs none of
 * them has no such message.
 */
export function tablesBytes(spec: ActivationSpec): number {
  const { relu, square } = checkedCounts(spec);
  const corrections = batchesOf(square).reduce((sum, size) => sum + correctionBytes(size), 0);
  return flipBytes(spec) + stringBytes(windowBits(spec.relu), relu) + corrections;
}

/**
 * Bytes of the layer's own offline message as `Channel.traffic` counts them, with its headers. Transfers are
 * drawn for all layers together and not counted.
 */
export function offlineBytes(spec: ActivationSpec): number {
  const payload = tablesBytes(spec);
  return payload === 0 ? 0 : framedBytes(payload);
}

/** The layout of the two online frames of a part of an activation layer. Words are little-endian. */

/** Views of the server's message: d2, d, the bits of the sign tests, and the bytes after them. */
export function serverWords(message: Uint8Array, { spec, positions }: Layer) {
  const take = viewer(message);
  const d2 = take(positions.relu.length);
  const d = take(positions.square.length);
  const after = message.subarray(d.byteOffset + d.byteLength - message.byteOffset);
  const length = signBytes(windowBits(spec.relu), positions.relu.length);
  return { d2, d, signs: after.subarray(0, length), rest: after.subarray(length) };
}

/** Views of the client's reply: d3, e, y_C - r, and the bits c. */
export function clientWords(reply: Uint8Array, layer: Layer) {
  const take = viewer(reply);
  const d3 = take(layer.positions.relu.length);
  const e = take(layer.positions.square.length);
  const after = d3.byteLength + e.byteLength;
  const masked = eachKind((kind) => take(layer.positions[kind].length));
  const bits = after + kindsInOrder.reduce((sum, kind) => sum + masked[kind].byteLength, 0);
  return { d3, e, masked, bits: reply.subarray(bits) };
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
