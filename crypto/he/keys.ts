import { linearParams, productParams } from '../params.ts';
import { keyBytes } from './wire.ts';

/**
 * The server's side of a session: the client's public keys, in memory shared by the pool's threads. `id` is
 * unique in the process.
 */
export type ServerSession = { readonly id: string; readonly publicKey: Uint8Array };
/**
 * The client's side of a session: its secret keys for both parameter sets, [primes, N] words each, in memory
 * shared by the pool's threads. `id` is unique in the process.
 */
export type ClientSession = {
  readonly id: string;
  readonly linear: Uint32Array;
  readonly product: Uint32Array;
};

/** The number of bytes of a session's public key: those of both parameter sets, linear first. */
export const publicKeyBytes: number = keyBytes(linearParams) + keyBytes(productParams);
