import { inputWords } from '../../gc/circuit.ts';
import { shapeOf } from './layer.ts';
import type { Layer } from './layer.ts';

/** Layout of the two online frames of an activation layer; sizes.ts has their lengths. Words are little-endian. */

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
