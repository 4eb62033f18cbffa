/** What the protocol takes from where it runs: Node or a browser. */
export interface Platform {
  /** Encrypts whole 16-byte blocks under one AES-128 key [FIPS-197], each on its own. */
  aesEcb(key: Uint8Array): (blocks: Uint8Array) => Uint8Array<ArrayBuffer>;
  /**
   * The key stream of AES-128-CTR [SP 800-38A, 6.5], from the given counter block on. Each call gives the
   * next `n` bytes.
   */
  aesCtr(key: Uint8Array, counter: Uint8Array): (n: number) => Uint8Array<ArrayBuffer>;
  /** SHA-256 of the parts, joined. */
  sha256(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;
  /**
   * A universal hash of `data` under a key: the 16-byte tag of AES-128-GCM [SP 800-38D] over `data` as
   * associated data, which is GHASH of the data plus a constant of the key and the length. Linear up to that
   * constant: for data of one length ghash(a xor b) = ghash(a) xor ghash(b) xor ghash(0).
   */
  ghash(key: Uint8Array, data: Uint8Array): Uint8Array<ArrayBuffer>;
  /** The bytes of a WASM file of the package, by its path from the root. */
  readWasm(path: string): Promise<Uint8Array<ArrayBuffer>>;
}

export const blockBytes = 16;

let chosen: Platform | undefined;

/** Sets this thread's platform. Each entry point does it once, before anything else. */
export function usePlatform(platform: Platform): void {
  chosen = platform;
}

function current(): Platform {
  if (chosen === undefined) throw new Error('no platform: import crypto/platform/node.ts first');
  return chosen;
}

export const aesEcb: Platform['aesEcb'] = (key) => current().aesEcb(key);
export const aesCtr: Platform['aesCtr'] = (key, counter) => current().aesCtr(key, counter);
export const sha256: Platform['sha256'] = (...parts) => current().sha256(...parts);
export const ghash: Platform['ghash'] = (key, data) => current().ghash(key, data);
export const readWasm: Platform['readWasm'] = (path) => current().readWasm(path);
