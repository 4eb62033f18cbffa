/**
 * SEAL 4.1's serialised form, uncompressed, read and written by hand: node-seal has no setter for a
 * coefficient, and SEAL 4.1.2 is not safe against a hostile buffer. Nothing that a peer sends is loaded as it
 * came. The wire carries packed residues (bits.ts), which are checked against their primes, and this file
 * builds the buffer that SEAL loads, headers and sizes included. What SEAL writes is read as strictly, so
 * that another version of its format is an error and not a wrong number.
 *
 * Every object starts with a header: magic 5e a1, header size 16, version 4.1, compression 0, two zero bytes,
 * u64 total size. All of it is little-endian. Words are u64 values as pairs of u32, low half first.
 */
const headerBytes = 16;
const seedInfoBytes = 81;
/** The bytes of the seed from which SEAL expands a uniform polynomial. */
export const polynomialSeedBytes = 64;

export type CiphertextShape = {
  readonly parmsId: Uint8Array;
  readonly ntt: boolean;
  readonly degree: number;
  readonly primes: number;
};

function writeHeader(view: DataView, at: number, size: number): void {
  view.setUint32(at, 0x0410_a15e, true);
  view.setUint32(at + 4, 0x0000_0001, true);
  view.setUint32(at + 8, size, true);
  view.setUint32(at + 12, 0, true);
}

function checkHeader(view: DataView, at: number, size: number, what: string): void {
  const right =
    view.getUint32(at, true) === 0x0410_a15e &&
    view.getUint32(at + 4, true) === 1 &&
    view.getUint32(at + 8, true) === size &&
    view.getUint32(at + 12, true) === 0;
  if (!right) {
    throw new Error(`node-seal: expected ${what} of ${size} bytes in SEAL 4.1's format, got another format`);
  }
}

/** Writes an array of words: an inner header, a u64 count, the data. */
function writeArray(buffer: Uint8Array, view: DataView, at: number, words: Uint32Array): void {
  writeHeader(view, at, headerBytes + 8 + words.byteLength);
  view.setUint32(at + headerBytes, words.length / 2, true);
  buffer.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), at + headerBytes + 8);
}

const plaintextData = headerBytes + 32 + 8 + 8 + headerBytes + 8;

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

/** The coefficients of a saved plaintext. SEAL omits trailing zeros. */
export function plaintextWords(bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkHeader(view, 0, bytes.length, 'a plaintext');
  checkHeader(view, 64, bytes.length - 64, "a plaintext's coefficients");
  return new Uint32Array(bytes.slice(plaintextData).buffer);
}

const ciphertextArray = headerBytes + 32 + 1 + 5 * 8;
const ciphertextData = ciphertextArray + headerBytes + 8;

/**
 * A ciphertext of two polynomials [2, primes, N], or of c0 and the seed of c1. A public key has the same
 * form.
 */
export function ciphertextBytes(
  shape: CiphertextShape,
  words: Uint32Array,
  seed?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const seeded = seed === undefined ? 0 : seedInfoBytes;
  const bytes = new Uint8Array(ciphertextData + words.byteLength + seeded);
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
  if (seed !== undefined) {
    const at = bytes.length - seedInfoBytes;
    writeHeader(view, at, seedInfoBytes);
    bytes[at + headerBytes] = 1; // the generator is Blake2Xb
    bytes.set(seed, at + headerBytes + 1);
  }
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

/**
 * c0 and the seed of c1, from a saved seeded ciphertext of this shape. Throws Error when it has another
 * shape.
 */
export function seededWords(
  bytes: Uint8Array,
  shape: CiphertextShape,
): { c0: Uint32Array<ArrayBuffer>; seed: Uint8Array<ArrayBuffer> } {
  const size = 8 * shape.primes * shape.degree;
  checkCiphertext(bytes, shape, ciphertextData + size + seedInfoBytes);
  return {
    c0: new Uint32Array(bytes.slice(ciphertextData, ciphertextData + size).buffer),
    seed: bytes.slice(bytes.length - polynomialSeedBytes),
  };
}

function checkCiphertext(bytes: Uint8Array, shape: CiphertextShape, expected: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkHeader(view, 0, expected, 'a ciphertext');
  const right =
    bytes.length === expected &&
    shape.parmsId.every((byte, i) => bytes[headerBytes + i] === byte) &&
    bytes[48] === (shape.ntt ? 1 : 0) &&
    view.getUint32(49, true) === 2 &&
    view.getUint32(57, true) === shape.degree &&
    view.getUint32(65, true) === shape.primes;
  if (!right)
    throw new Error('node-seal: expected a ciphertext of the shape of its parameters, got another shape');
}
