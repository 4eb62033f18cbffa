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
 * Offline products of private ring vectors, for squares: the client holds u, the server a, and they end with
 * P_C + P_S = u a mod 2^32, element by element. A message pays for whole ciphertexts of 8,192 elements: join the squares of
 * all layers in one call. The bytes are `productRequestBytes(n)` up and `productResponseBytes(n)` down.
 */
export { productRequestBytes, productResponseBytes };

/** Client: P_C. An element is wrong with probability below 2^-40, a chunk of 8,192 with 2^-36 (he/product.ts). */
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

/** Server: P_S. */
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
