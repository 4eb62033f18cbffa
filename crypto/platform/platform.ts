import type { ReceiverGroup, SenderGroup } from './group.ts';

/**
 * Encrypts whole 16-byte blocks, each on its own, to `to`, of the same length (default: new bytes). Returns
 * these. Throws RangeError for other lengths.
 */
export type Encrypt = (blocks: Uint8Array, to?: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

/** What the protocol takes from where it runs: Node or a browser. */
export interface Platform {
  /** Encrypts under one AES-128 key [FIPS-197]. */
  readonly aesEcb: (key: Uint8Array) => Encrypt;
  /**
   * The key stream of AES-128-CTR [SP 800-38A, 6.5], from the given counter block on. Each call gives the
   * next `n` bytes.
   */
  readonly aesCtr: (key: Uint8Array, counter: Uint8Array) => (n: number) => Uint8Array<ArrayBuffer>;
  /** SHA-256 of the parts, joined. */
  readonly sha256: (...parts: readonly Uint8Array[]) => Uint8Array<ArrayBuffer>;
  /**
   * A universal hash of the joined parts, whole blocks of 16 bytes, under a key: the 16-byte tag of
   * AES-128-GCM [SP 800-38D] over them as associated data, which is GHASH of the data plus a constant of the
   * key and the length. Linear up to that constant: for data of one length ghash(a xor b) = ghash(a) xor
   * ghash(b) xor ghash(0). A part is read before the next one is asked for. Absent where the kernel of
   * crypto/ring is as fast.
   */
  readonly ghash?: (key: Uint8Array, parts: Iterable<Uint8Array>) => Uint8Array<ArrayBuffer>;
  /** ristretto255, for the thread that opens sessions. Absent in the pool's threads of a page. */
  readonly senderGroup?: () => Promise<SenderGroup>;
  /** The same for servers. Absent in pages. */
  readonly receiverGroup?: () => Promise<ReceiverGroup>;
  /** The bytes of SEAL's WASM file. Absent where node-seal finds it by itself. */
  readonly readSeal?: () => Promise<Uint8Array<ArrayBuffer>>;
  /** The bytes of a WASM file of the package, by its path from the root. */
  readonly readWasm: (path: string) => Promise<Uint8Array<ArrayBuffer>>;
}

export const blockBytes = 16;

/** Throws RangeError for lengths that `Encrypt` does not take. */
export function checkBlocks(blocks: Uint8Array, to: Uint8Array | undefined): void {
  if (blocks.byteLength % blockBytes !== 0) {
    throw new RangeError(`AES-ECB: expected whole 16-byte blocks, got ${blocks.byteLength} bytes`);
  }
  if (to !== undefined && to.byteLength !== blocks.byteLength) {
    throw new RangeError(`AES-ECB: expected room for ${blocks.byteLength} bytes, got ${to.byteLength}`);
  }
}

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
/** The platform's GHASH, if it has one. */
export const fastGhash = (): Platform['ghash'] => current().ghash;
/** ristretto255 for a client, in a thread that opens sessions. */
export const loadSenderGroup = (): Promise<SenderGroup> => current().senderGroup!();
/** The same for a server. */
export const loadReceiverGroup = (): Promise<ReceiverGroup> => current().receiverGroup!();
export const readWasm: Platform['readWasm'] = (path) => current().readWasm(path);
/** SEAL's WASM file, if the platform has to read it. */
export const readSeal = async (): Promise<Uint8Array<ArrayBuffer> | undefined> => current().readSeal?.();
