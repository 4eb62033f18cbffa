import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import type { Rng } from '../../src/shared/random.ts';
import type { HeClient, HeServer } from '../he/linear.ts';
import {
  decryptProducts,
  encryptProducts,
  productRequestBytes,
  productResponseBytes,
  respondProducts,
} from '../he/product.ts';
import { atStep } from './linear.ts';

/**
 * Offline products of private ring vectors, for squares. The client holds u and the server holds a, and they
 * end with P_C + P_S = u a mod 2^32, element by element. A message costs whole ciphertexts of 8,192 elements,
 * so callers join the squares of all layers in one call. `productRequestBytes(n)` go up and
 * `productResponseBytes(n)` come down.
 */
export { productRequestBytes, productResponseBytes };

/**
 * The client's half. Returns P_C, [u.length]. An element is wrong with probability below 2^-40, a chunk of
 * 8,192 with 2^-36 (he/product.ts).
 */
export async function productOfflineClient(
  he: HeClient,
  channel: Channel,
  step: number,
  u: Uint32Array,
): Promise<Uint32Array<ArrayBuffer>> {
  await channel.send(tags.productRequest, step, await encryptProducts(he, u));
  const response = await channel.receive(tags.productResponse, step, productResponseBytes(u.length));
  return atStep(step, decryptProducts(he, response, u.length));
}

/** The server's half. Returns P_S, [a.length]. */
export async function productOfflineServer(
  he: HeServer,
  channel: Channel,
  step: number,
  a: Uint32Array,
  rng: Rng,
): Promise<Uint32Array<ArrayBuffer>> {
  const request = await channel.receive(tags.productRequest, step, productRequestBytes(a.length));
  const { response, shares } = await atStep(step, respondProducts(he, a, request, rng));
  await channel.send(tags.productResponse, step, response);
  return shares;
}
