import { frameHeaderBytes } from '../../channel/channel.ts';
import { packedBytes } from '../../bits.ts';
import { labelBytes, tableBytes, inputWords } from '../../gc/circuit.ts';
import { saltBytes } from '../../hash.ts';
import { extensionBytes } from '../../ot/extension.ts';
import { checkSpec, shapeOf } from './layer.ts';
import { windowWires } from './sign.ts';
import { stepKinds } from '../../spec.ts';
import type { ActivationSpec } from '../../spec.ts';
import type { Layer } from './layer.ts';

/** Exact lengths of an activation layer's messages, from the public spec alone: the only lengths that are accepted. */

type Counts = { readonly relu: number; readonly affine: number; readonly square: number };

function countsOf(spec: ActivationSpec): Counts {
  checkSpec(spec);
  const counts = [0, 0, 0];
  for (let i = 0; i < spec.kinds.length; i++) counts[spec.kinds[i]!]!++;
  return {
    relu: counts[stepKinds.relu]!,
    affine: counts[stepKinds.affine]!,
    square: counts[stepKinds.square]!,
  };
}

/** Payload of the server's frame: labels (16 wires a ReLU), d2 (4 a ReLU), d (4 a square), then d1 of each kind in t bits. */
export function messageBytes(spec: ActivationSpec): number {
  const { relu, affine, square } = countsOf(spec);
  return (
    (labelBytes * windowWires(spec.relu) + 4) * relu +
    4 * square +
    packedBytes(relu, spec.relu.truncate) +
    packedBytes(affine, spec.affine.truncate) +
    packedBytes(square, spec.square.truncate)
  );
}

/** Payload of the client's frame: d3 (4 a ReLU), e (4 a square), y_C - r (4 an element), then c in bits. */
export function replyBytes(spec: ActivationSpec): number {
  const { relu, square } = countsOf(spec);
  return 4 * (relu + square + spec.kinds.length) + packedBytes(relu, 1);
}

/** Random OTs in which the client chooses, beside the ReLUs' window labels: one a truncated element, one a ReLU. */
export function clientTransfers(spec: ActivationSpec): number {
  const { relu, affine, square } = countsOf(spec);
  const truncated = (count: number, t: number) => (t > 0 ? count : 0);
  return (
    (windowWires(spec.relu) + 1) * relu +
    truncated(relu, spec.relu.truncate) +
    truncated(affine, spec.affine.truncate) +
    truncated(square, spec.square.truncate)
  );
}

/** Payload of `garbled`: the salt, then the tables. */
export function garbledBytes(spec: ActivationSpec): number {
  return saltBytes + tableBytes({ wires: windowWires(spec.relu), count: countsOf(spec).relu });
}

/**
 * Bytes of the layer's offline phase as Channel.traffic counts them, frame headers included; the products of squares, which
 * the caller brings, left out.
 */
export function offlineBytes(spec: ActivationSpec): { up: number; down: number } {
  const { relu } = countsOf(spec);
  const transfers = clientTransfers(spec);
  const frame = (payload: number) => frameHeaderBytes + payload;
  return {
    up: transfers === 0 ? 0 : frame(extensionBytes(transfers)),
    down: relu === 0 ? 0 : frame(extensionBytes(relu)) + frame(garbledBytes(spec)),
  };
}

/** Layout of the two online frames of an activation layer. Words are little-endian. */

/** Views of the server's frame: labels, d2, d, and the bytes after them. */
export function serverWords(message: Uint8Array, layer: Layer) {
  const take = viewer(message);
  const labels = take(inputWords(shapeOf(layer)));
  const d2 = take(layer.relu.length);
  const d = take(layer.square.positions.length);
  return { labels, d2, d, rest: message.subarray(d.byteOffset + d.byteLength - message.byteOffset) };
}

/** Views of the client's frame: d3, e, y_C - r, and the bits c. */
export function clientWords(reply: Uint8Array, layer: Layer) {
  const take = viewer(reply);
  const d3 = take(layer.relu.length);
  const e = take(layer.square.positions.length);
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
