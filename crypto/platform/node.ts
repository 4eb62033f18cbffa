import { createCipheriv, createHash, createSecretKey } from 'node:crypto';

/**
 * AES and SHA-256 through OpenSSL. This is the only file of crypto/ that imports node: modules for
 * cryptography. A browser build can put another file with the same exports in its place.
 */

export const blockBytes = 16;

/**
 * Encrypts whole 16-byte blocks under one AES-128 key [FIPS-197], each on its own. Each call of `aesEcb` pays
 * for one key schedule: 1.4 us, where the same key as bytes takes createCipheriv 9 us.
 */
export function aesEcb(key: Uint8Array): (blocks: Uint8Array) => Uint8Array<ArrayBuffer> {
  const cipher = createCipheriv('aes-128-ecb', createSecretKey(key), null);
  cipher.setAutoPadding(false);
  return (blocks) => {
    if (blocks.byteLength % blockBytes !== 0) {
      throw new RangeError(`AES-ECB: expected whole 16-byte blocks, got ${blocks.byteLength} bytes`);
    }
    return cipher.update(blocks);
  };
}

/**
 * The key stream of AES-128-CTR [SP 800-38A, 6.5], from the given counter block on. Each call gives the next
 * `n` bytes.
 */
export function aesCtr(key: Uint8Array, counter: Uint8Array): (n: number) => Uint8Array<ArrayBuffer> {
  const cipher = createCipheriv('aes-128-ctr', createSecretKey(key), counter);
  return (n) => cipher.update(zeros(n));
}

const zeroBytes = new Uint8Array(1 << 18);

/**
 * Nobody writes to these zeros, so calls share them: a column of an OT extension (128 streams per call) then
 * costs one allocation instead of two.
 */
function zeros(n: number): Uint8Array {
  return n > zeroBytes.byteLength ? new Uint8Array(n) : zeroBytes.subarray(0, n);
}

export function sha256(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

const noNonce = new Uint8Array(12);

/**
 * A universal hash of `data` under a key: the 16-byte tag of AES-128-GCM [SP 800-38D] over `data` as
 * associated data, which is GHASH of the data plus a constant of the key and the length. Linear up to that
 * constant: for data of one length ghash(a xor b) = ghash(a) xor ghash(b) xor ghash(0). 2 us a call and
 * under 0.1 ns a byte.
 */
export function ghash(key: Uint8Array, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const cipher = createCipheriv('aes-128-gcm', createSecretKey(key), noNonce);
  cipher.setAAD(data);
  cipher.final();
  return new Uint8Array(cipher.getAuthTag());
}
