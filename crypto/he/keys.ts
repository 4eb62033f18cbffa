import { packedBytes } from '../bits.ts';
import { productParams } from '../params.ts';
import { sha256 } from '../platform/platform.ts';
import { prgSeedBytes } from '../prg.ts';
import { packedPolynomialBytes } from './engine.ts';
import { bitsOf } from './wire.ts';

/**
 * The server's side of a session, in memory shared by the pool's threads. `id` is unique in the process.
 */
export type ServerSession = {
  readonly id: string;
  /** The public keys of linear layers, `publicWords` words each (engine.ts). */
  readonly linear: Uint32Array;
  /** p0 of the public key of products, packed, and the seed of p1. */
  readonly product: Uint8Array;
  readonly productSeed: Uint8Array;
};

/**
 * The client's side of a session: its secret keys, in memory shared by the pool's threads. That of linear
 * layers has `secretWords` words (engine.ts), that of products [primes, N]. `id` is unique in the process.
 */
export type ClientSession = {
  readonly id: string;
  readonly linear: Uint32Array;
  readonly product: Uint32Array;
};

/**
 * What each party gives to the seeds of the public polynomials p1. The server sends its part after it has the
 * client's, so a client cannot choose p1: one of zeros, say, would send the server's answers out unhidden.
 * The client loses nothing if the server chooses, because p1 is a hash.
 */
export type SeedParts = { readonly client: Uint8Array; readonly server: Uint8Array };
export const seedPartBytes = 32;

/** The seed of p1 of a public key of linear layers. */
export function linearSeed({ client, server }: SeedParts, index: number): Uint8Array {
  return named(`public key of linear layers ${index}`, client, server);
}

/** The seed of p1 of the public key of products. */
export function productSeed({ client, server }: SeedParts): Uint8Array {
  return named('public key of products', client, server);
}

function named(name: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(new TextEncoder().encode(name), ...parts).slice(0, prgSeedBytes);
}

const productKeyBytes = bitsOf(productParams).reduce(
  (sum, bits) => sum + packedBytes(productParams.degree, bits),
  0,
);

/**
 * The number of bytes of a session's public keys: p0 of `linearKeys` keys of linear layers, then p0 of that
 * of products.
 */
export function publicKeyBytes(linearKeys: number): number {
  return linearKeys * packedPolynomialBytes + productKeyBytes;
}

/**
 * How many public keys of linear layers a session needs, in which `bits` bits of the server's shares of
 * `elements` elements are opened to the client. One key hides every other answer. But a share holds p0 v, and
 * p0 is the client's: chosen well, 32 bits of a share spell 20 of the 4,096 ternary digits of v. So where
 * more than 2,000 bits are opened, of the 6,492 that v has, the server adds encryptions of zero under more
 * keys, with more digits than all 32-bit shares together, and one.
 */
export function linearKeys(elements: number, bits: number): number {
  return elements * bits <= 2000 ? 1 : 2 + Math.ceil((32 * elements) / 6400);
}
