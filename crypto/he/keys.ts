import { sha256 } from '../platform/platform.ts';
import { prgSeedBytes } from '../prg.ts';
import { packedPolynomialBytes } from './engine.ts';

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

function named(name: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(new TextEncoder().encode(name), ...parts).slice(0, prgSeedBytes);
}

/** The number of bytes of a session's public keys: p0 of each. */
export function publicKeyBytes(linearKeys: number): number {
  return linearKeys * packedPolynomialBytes;
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
