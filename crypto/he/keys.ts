import { linearParams, productParams } from '../params.ts';
import { keyBytes } from './wire.ts';

/** The server's view of a session: where its public keys are. `id` is unique in the process. */
export type ServerSession = { readonly id: string; readonly publicKey: Uint8Array };
/** The client's: secret keys as words [primes, N], in memory shared by the pool's threads. */
export type ClientSession = {
  readonly id: string;
  readonly linear: Uint32Array;
  readonly product: Uint32Array;
};

/** Bytes of a session's public key: those of both parameter sets, linear first. */
export const publicKeyBytes: number = keyBytes(linearParams) + keyBytes(productParams);
