import { ProtocolError } from '../src/shared/errors.ts';
import type { Rng } from '../src/shared/random.ts';

/** Dense packing of small fields for the wire, least significant bit first. */

/** The number of bytes that `count` fields of `width` bits take. */
export function packedBytes(count: number, width: number): number {
  return Math.ceil((count * width) / 8);
}

/** Packs the low `width` bits (0 to 31) of each value; higher bits are ignored. */
export function packFields(values: Uint32Array | Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const bytes = packedBytes(values.length, width);
  const words = new Uint32Array((bytes + 3) >>> 2);
  const mask = 2 ** width - 1;
  let word = 0;
  let filled = 0;
  let at = 0;
  for (let i = 0; i < values.length && width > 0; i++) {
    const value = values[i]! & mask;
    word |= value << filled;
    filled += width;
    if (filled >= 32) {
      words[at++] = word;
      filled -= 32;
      // `filled` bits of this value did not fit. JavaScript takes a shift by 32 as a shift by 0.
      word = filled === 0 ? 0 : value >>> (width - filled);
    }
  }
  if (filled > 0) words[at] = word;
  return new Uint8Array(words.buffer, 0, bytes);
}

/**
 * The inverse of `packFields`. `what` names the message in errors. Throws ProtocolError when the length is
 * wrong or a bit after the last field is set.
 */
export function unpackFields(
  bytes: Uint8Array,
  count: number,
  width: number,
  what: string,
): Uint32Array<ArrayBuffer> {
  checkPacked(bytes, count, width, what);
  const values = new Uint32Array(count);
  const words = paddedWords(bytes);
  const mask = 2 ** width - 1;
  // The number of a bit may have more than 32 bits, so its word is counted apart.
  let [at, shift] = [0, 0];
  for (let i = 0; i < count && width > 0; i++) {
    const low = words[at]! >>> shift;
    const high = shift === 0 ? 0 : words[at + 1]! << (32 - shift);
    values[i] = (low | high) & mask;
    shift += width;
    at += shift >>> 5;
    shift &= 31;
  }
  return values;
}

/** Packs `bits`, which has one byte (0 or 1) per bit. */
export function packBits(bits: Uint8Array): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array((bits.length + 7) >>> 3);
  for (let at = 0; at < packed.length; at++) {
    const end = Math.min(bits.length, 8 * at + 8);
    let byte = 0;
    for (let i = end - 1; i >= 8 * at; i--) byte = (byte << 1) | (bits[i]! & 1);
    packed[at] = byte;
  }
  return packed;
}

/** `count` uniform bits, one per byte. */
export function randomBits(rng: Rng, count: number): Uint8Array<ArrayBuffer> {
  const bits = rng.bytes(count);
  for (let i = 0; i < count; i++) bits[i]! &= 1;
  return bits;
}

/** The inverse of `packBits`. It throws ProtocolError as `unpackFields` does. */
export function unpackBits(packed: Uint8Array, count: number, what: string): Uint8Array<ArrayBuffer> {
  checkPacked(packed, count, 1, what);
  const bits = new Uint8Array(count);
  for (let i = 0; i < count; i++) bits[i] = (packed[i >>> 3]! >>> (i & 7)) & 1;
  return bits;
}

/**
 * Sets `count` bits of `target` from bit `to` on to those of `source` from bit `from` on, both packed. The
 * bits there must be zero before.
 */
export function copyBits(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  count: number,
): void {
  if (((from | to) & 7) === 0) {
    const whole = count >>> 3;
    target.set(source.subarray(from >>> 3, (from >>> 3) + whole), to >>> 3);
    [from, to, count] = [from + 8 * whole, to + 8 * whole, count - 8 * whole];
  }
  // As many bits at a time as the target's byte has room for.
  while (count > 0) {
    const n = Math.min(count, 8 - (to & 7));
    const both = source[from >>> 3]! | ((source[(from >>> 3) + 1] ?? 0) << 8);
    target[to >>> 3]! |= ((both >>> (from & 7)) & (2 ** n - 1)) << (to & 7);
    [from, to, count] = [from + n, to + n, count - n];
  }
}

function checkPacked(bytes: Uint8Array, count: number, width: number, what: string): void {
  const expected = packedBytes(count, width);
  if (bytes.byteLength !== expected) {
    throw new ProtocolError(`${what}: expected ${expected} bytes, got ${bytes.byteLength}`);
  }
  const used = (count * width) & 7;
  if (used !== 0 && bytes[expected - 1]! >>> used !== 0) {
    throw new ProtocolError(`${what}: expected zero bits after the last of ${count} fields`);
  }
}

/** The bytes as little-endian words, with one spare word at the end. */
function paddedWords(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(((bytes.byteLength + 3) >>> 2) + 1);
  new Uint8Array(words.buffer).set(bytes);
  return words;
}

/** The bytes as words, copied only when they are not aligned. `bytes.byteLength` must be a multiple of 4. */
export function asWords(bytes: Uint8Array): Uint32Array {
  if (bytes.byteOffset % 4 !== 0) return asWords(bytes.slice());
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/** The words as bytes, without a copy. */
export function asBytes<B extends ArrayBufferLike>(words: Uint32Array<B>): Uint8Array<B> {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

/** Whether the arrays hold the same bytes. Its time depends on their lengths alone. */
export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.reduce((sum, byte, i) => sum | (byte ^ b[i]!), 0) === 0;
}

export function concatenateWords(parts: readonly Uint32Array[]): Uint32Array<ArrayBuffer> {
  const whole = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
