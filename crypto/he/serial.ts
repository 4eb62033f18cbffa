/**
 * SEAL 4.1's serialised form of a secret key, uncompressed, read by hand: node-seal has no getter for a
 * coefficient. It is read strictly, so that another version of the format is an error and not a wrong number.
 *
 * Every object starts with a header: magic 5e a1, header size 16, version 4.1, compression 0, two zero bytes,
 * u64 total size. All of it is little-endian. Words are u64 values as pairs of u32, low half first.
 */
const headerBytes = 16;

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

/** Parms id, u64 count, f64 scale, and the header and u64 count of an array of words. */
const plaintextData = headerBytes + 32 + 8 + 8 + headerBytes + 8;

/** The words of a saved plaintext or secret key. SEAL omits trailing zeros of a plaintext. */
export function plaintextWords(bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkHeader(view, 0, bytes.length, 'a plaintext');
  checkHeader(view, 64, bytes.length - 64, "a plaintext's coefficients");
  return new Uint32Array(bytes.slice(plaintextData).buffer);
}
