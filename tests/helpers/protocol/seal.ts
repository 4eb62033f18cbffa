import { plaintextWords } from '../../../crypto/he/serial.ts';
import type { Scheme, Seal } from '../../../crypto/he/seal.ts';

/**
 * SEAL as the reference of the kernels: plaintexts and ciphertexts from words and to words. node-seal has no
 * setter for a coefficient, so buffers of SEAL 4.1's serialised form are made here (crypto/he/serial.ts has
 * the header).
 */
type Handle<K extends keyof Seal> = Seal[K] extends new (...args: never[]) => infer T ? T : never;
export type Ciphertext = Handle<'Ciphertext'>;
export type Plaintext = Handle<'Plaintext'>;
export type Encryptor = Handle<'Encryptor'>;
export type Decryptor = Handle<'Decryptor'>;

export type CiphertextShape = {
  readonly parmsId: Uint8Array;
  readonly ntt: boolean;
  readonly degree: number;
  readonly primes: number;
};

/** The shape of a fresh ciphertext. */
export function freshShape({ context, params, freshPrimes }: Scheme, ntt: boolean): CiphertextShape {
  using id = context.firstParmsId();
  const parmsId = new Uint8Array(BigUint64Array.from(id.values() as BigUint64Array).buffer);
  return { parmsId, ntt, degree: params.degree, primes: freshPrimes.length };
}

/** A plaintext from coefficients mod t. */
export function loadPlaintext({ seal, context }: Scheme, words: Uint32Array): Plaintext {
  const plaintext = new seal.Plaintext();
  plaintext.loadFromArray(context, plaintextBytes(words));
  return plaintext;
}

export function savePlaintext({ seal }: Scheme, plaintext: Plaintext): Uint32Array<ArrayBuffer> {
  return plaintextWords(plaintext.saveToArray(seal.ComprModeType.none) as Uint8Array);
}

export function loadCiphertext(
  { seal, context }: Scheme,
  shape: CiphertextShape,
  words: Uint32Array,
): Ciphertext {
  const ciphertext = new seal.Ciphertext();
  ciphertext.loadFromArray(context, ciphertextBytes(shape, words));
  return ciphertext;
}

export function saveCiphertext(
  { seal }: Scheme,
  shape: CiphertextShape,
  ciphertext: Ciphertext,
): Uint32Array<ArrayBuffer> {
  return ciphertextWords(ciphertext.saveToArray(seal.ComprModeType.none) as Uint8Array, shape);
}

/** u32 values as u64 words, low half first. */
export function pairs(values: Uint32Array): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) words[2 * i] = values[i]!;
  return words;
}

const headerBytes = 16;
const plaintextData = headerBytes + 32 + 8 + 8 + headerBytes + 8;

function writeHeader(view: DataView, at: number, size: number): void {
  view.setUint32(at, 0x0410_a15e, true);
  view.setUint32(at + 4, 0x0000_0001, true);
  view.setUint32(at + 8, size, true);
  view.setUint32(at + 12, 0, true);
}

function hasHeader(view: DataView, at: number, size: number): boolean {
  return (
    view.getUint32(at, true) === 0x0410_a15e &&
    view.getUint32(at + 4, true) === 1 &&
    view.getUint32(at + 8, true) === size &&
    view.getUint32(at + 12, true) === 0
  );
}

/** Writes an array of words: an inner header, a u64 count, the data. */
function writeArray(buffer: Uint8Array, view: DataView, at: number, words: Uint32Array): void {
  writeHeader(view, at, headerBytes + 8 + words.byteLength);
  view.setUint32(at + headerBytes, words.length / 2, true);
  buffer.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), at + headerBytes + 8);
}

/**
 * A plaintext: parms id (zero means coefficients mod t), u64 count, f64 scale, array. A secret key has the
 * same form.
 */
export function plaintextBytes(words: Uint32Array, parmsId?: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(plaintextData + words.byteLength);
  const view = new DataView(bytes.buffer);
  writeHeader(view, 0, bytes.length);
  if (parmsId !== undefined) bytes.set(parmsId, headerBytes);
  view.setUint32(48, words.length / 2, true);
  view.setFloat64(56, 1, true);
  writeArray(bytes, view, 64, words);
  return bytes;
}

const ciphertextArray = headerBytes + 32 + 1 + 5 * 8;
const ciphertextData = ciphertextArray + headerBytes + 8;

/** A ciphertext of two polynomials [2, primes, N]. */
export function ciphertextBytes(shape: CiphertextShape, words: Uint32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(ciphertextData + words.byteLength);
  const view = new DataView(bytes.buffer);
  writeHeader(view, 0, bytes.length);
  bytes.set(shape.parmsId, headerBytes);
  bytes[48] = shape.ntt ? 1 : 0;
  view.setUint32(49, 2, true);
  view.setUint32(57, shape.degree, true);
  view.setUint32(65, shape.primes, true);
  view.setFloat64(73, 1, true);
  view.setUint32(81, 1, true); // the correction factor, which only BGV uses
  writeArray(bytes, view, ciphertextArray, words);
  return bytes;
}

/**
 * The residues of a saved ciphertext of this shape, [2, primes, N]. Throws Error when it has another shape.
 */
export function ciphertextWords(bytes: Uint8Array, shape: CiphertextShape): Uint32Array<ArrayBuffer> {
  const size = 16 * shape.primes * shape.degree;
  checkCiphertext(bytes, shape, ciphertextData + size);
  return new Uint32Array(bytes.slice(ciphertextData).buffer);
}

function checkCiphertext(bytes: Uint8Array, shape: CiphertextShape, expected: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const right =
    hasHeader(view, 0, expected) &&
    bytes.length === expected &&
    shape.parmsId.every((byte, i) => bytes[headerBytes + i] === byte) &&
    bytes[48] === (shape.ntt ? 1 : 0) &&
    view.getUint32(49, true) === 2 &&
    view.getUint32(57, true) === shape.degree &&
    view.getUint32(65, true) === shape.primes;
  if (!right)
    throw new Error('node-seal: expected a ciphertext of the shape of its parameters, got another shape');
}
