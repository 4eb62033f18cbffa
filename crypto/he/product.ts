import { ProtocolError } from '../../src/shared/errors.ts';
import type { Rng } from '../../src/shared/random.ts';
import { productParams } from '../params.ts';
import { split } from '../pool/pool.ts';
import { heJobs } from './jobs.ts';
import type { HeClient, HeServer } from './linear.ts';
import { addModulo, createMultiplier, inverse, multiply, uniformResidues } from './modular.ts';
import { ownBytes, sharedBytes, shareBytes, shareWords } from './shared.ts';
import { responseBytesOf, seededBytes } from './wire.ts';

/**
 * Products of two private ring vectors, element by element: the client's u and the server's a, read as
 * integers in [0, 2^32), one per slot, modulo two 52-bit primes t1 and t2. The server masks with rho, uniform
 * in [0, t1 t2), about 2^104, and both parties reduce mod 2^32:
 *
 *   P_C = (u a + rho mod t1 t2) mod 2^32,   P_S = -rho mod 2^32.
 *
 * u a + rho is uniform mod t1 t2, so the client learns nothing. The shares are wrong where the sum wraps,
 * which has probability u a / (t1 t2) < 2^-40 per element.
 *
 * Noise: the slots' polynomial of a has N coefficients, uniform in +-t/2, so ||a||_2 is 2^56.7 and at most
 * 2^57.5. The error's deviation is 3.25, so the noise is 2^58.1 in the mean and, with the tail of noise.ts,
 * below 2^62.4. Rho and the flooding make c0 uniform and hide the noise whatever its size (rerandomize.ts).
 * But a coefficient that the noise or the switch's rounding moves over the edge of its cell spoils all N
 * slots. Per coefficient this has probability 2^(58.1 - 108) for the noise, as 160 bits of ciphertext modulus
 * leave Q / t = 2^108, and 2^-55.8 for the switch, as 112 bits are kept (params.ts). Over the 2 N
 * coefficients of a chunk this is **2^-36**.
 */
export function productRequestBytes(elements: number): number {
  return parts(elements) * seededBytes(productParams);
}

export function productResponseBytes(elements: number): number {
  return parts(elements) * responseBytesOf(productParams);
}

/** The number of ciphertexts: one per plain prime and chunk of N elements. */
function parts(elements: number): number {
  return 2 * Math.ceil(elements / productParams.degree);
}

/** The number of slots of all chunks under one plain prime. */
function slots(elements: number): number {
  return (parts(elements) / 2) * productParams.degree;
}

function expectPeerLength(what: string, got: number, expected: number): void {
  if (got !== expected) throw new ProtocolError(`${what}: expected ${expected} bytes, got ${got}`);
}

/** Encrypts u under both plain primes, as `productRequestBytes(u.length)` bytes. */
export async function encryptProducts(he: HeClient, u: Uint32Array): Promise<Uint8Array<ArrayBuffer>> {
  const request = sharedBytes(productRequestBytes(u.length));
  const shared = { session: he.session, u: shareWords(u), request };
  await split(he.pool, heJobs.encryptProduct, parts(u.length), (from, to) => ({ ...shared, from, to }));
  shared.u.fill(0);
  return ownBytes(request);
}

/**
 * The server's answer to a request, and its shares P_S, [a.length]. Throws ProtocolError when the request is
 * malformed.
 */
export async function respondProducts(
  he: HeServer,
  a: Uint32Array,
  request: Uint8Array,
  rng: Rng,
): Promise<{ response: Uint8Array<ArrayBuffer>; shares: Uint32Array<ArrayBuffer> }> {
  expectPeerLength('product request', request.length, productRequestBytes(a.length));
  const { masks, shares } = drawMasks(he.productModuli, a.length, rng);
  const response = sharedBytes(productResponseBytes(a.length));
  const shared = { session: he.session, a: shareWords(a), request: shareBytes(request), masks, response };
  await split(he.pool, heJobs.respondProduct, parts(a.length), (from, to) => ({ ...shared, from, to }));
  shared.a.fill(0);
  for (const mask of masks) mask.fill(0);
  return { response: ownBytes(response), shares };
}

function sharedDoubles(length: number): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(8 * length));
}

/**
 * Draws rho = rho1 + t1 k for every slot, with rho1 < t1 and k < t2 uniform. `masks` is rho modulo both
 * primes, `shares` is -rho mod 2^32 for the first `count` slots. Slots without an element are masked too,
 * because the mask must be uniform on all coefficients (rerandomize.ts).
 */
function drawMasks(moduli: readonly number[], count: number, rng: Rng) {
  const [t1, t2] = moduli as [number, number];
  const total = slots(count);
  const rho1 = uniformResidues(rng, total, t1);
  const k = uniformResidues(rng, total, t2);
  const timesT1 = createMultiplier(BigInt(t1), t2);
  const masks = [sharedDoubles(total), sharedDoubles(total)] as const;
  masks[0].set(rho1);
  for (let i = 0; i < total; i++) masks[1][i] = addModulo(rho1[i]! % t2, multiply(timesT1, k[i]!), t2);
  const shares = Uint32Array.from({ length: count }, (_, i) => -lowWord(rho1[i]!, t1, k[i]!));
  return { masks, shares };
}

/** rest + t1 k mod 2^32. */
function lowWord(rest: number, t1: number, k: number): number {
  return ((rest >>> 0) + (Math.imul(t1 >>> 0, k >>> 0) >>> 0)) >>> 0;
}

/**
 * P_C of `count` products, from the server's response. Throws ProtocolError when the response is malformed.
 */
export async function decryptProducts(
  he: HeClient,
  response: Uint8Array,
  count: number,
): Promise<Uint32Array<ArrayBuffer>> {
  expectPeerLength('product response', response.length, productResponseBytes(count));
  const residues = [sharedDoubles(slots(count)), sharedDoubles(slots(count))] as const;
  const shared = { session: he.session, response: shareBytes(response), residues };
  await split(he.pool, heJobs.decryptProduct, parts(count), (from, to) => ({ ...shared, from, to }));
  const joined = joinResidues(he.productModuli, residues, count);
  for (const residue of residues) residue.fill(0);
  return joined;
}

/**
 * Joins residues d1 and d2 by Garner's formula and reduces: v = d1 + t1 ((d2 - d1) / t1 mod t2), mod 2^32.
 */
function joinResidues(
  moduli: readonly number[],
  [first, second]: readonly [Float64Array, Float64Array],
  count: number,
): Uint32Array<ArrayBuffer> {
  const [t1, t2] = moduli as [number, number];
  const overT1 = createMultiplier(inverse(BigInt(t1), BigInt(t2)), t2);
  const result = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const difference = addModulo(second[i]!, t2 - (first[i]! % t2), t2);
    result[i] = lowWord(first[i]!, t1, multiply(overT1, difference));
  }
  return result;
}
