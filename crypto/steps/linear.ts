import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { HeClient, HeServer, linearRequestBytes, linearResponseBytes } from '../he/linear.ts';
import type { HePool } from '../he/pool.ts';
import { publicKeyBytes } from '../he/keys.ts';
import { linearParams, switchFaultRate } from '../params.ts';
import type { Ring } from '../ring/kernels.ts';
import { outputElements } from '../spec.ts';
import type { LinearSpec, LinearWeights } from '../spec.ts';

/**
 * A linear step. Offline, for a uniform input mask r of the client: Enc(r) goes up, Enc(W r - s) comes back, s uniform; the client
 * keeps W r - s, the server s. Online the server holds u = y - r and computes W u + bias + s alone; the two add up to W y + bias.
 */
export { publicKeyBytes };
export const requestBytes: (spec: LinearSpec) => number = linearRequestBytes;
export const responseBytes: (spec: LinearSpec) => number = linearResponseBytes;

/** Names the step in an error about what the peer sent. */
export async function atStep<T>(step: number, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ProtocolError) throw new ProtocolError(`step ${step}: ${error.message}`);
    throw error;
  }
}

/** Client, once a session: makes the keys and sends the public ones. */
export async function heSetupClient(pool: HePool, channel: Channel, step: number): Promise<HeClient> {
  const he = await HeClient.create(pool);
  await channel.send(tags.hePublicKey, step, he.publicKey);
  return he;
}

/** Server, once a session. Throws ProtocolError where the key is malformed. */
export async function heSetupServer(pool: HePool, channel: Channel, step: number): Promise<HeServer> {
  const publicKey = await channel.receive(tags.hePublicKey, step, publicKeyBytes);
  return atStep(step, HeServer.create(pool, publicKey));
}

/**
 * Client: W input - s mod 2^32, [M, H', W'], **but one unit off** (up or down alike) in `linearFaultRate` of the elements, by how the
 * flooding and the switch fell: the price of a c0 that is uniform (he/rerandomize.ts). A unit of the output's scale, below what a
 * truncation rounds off. Never two units: the switch's rounding is at most (N + 1) / 2, half a cell 2^14.
 */
export async function linearOfflineClient(
  he: HeClient,
  channel: Channel,
  step: number,
  spec: LinearSpec,
  input: Uint32Array,
): Promise<Uint32Array<ArrayBuffer>> {
  await channel.send(tags.linearRequest, step, await he.encrypt(spec, input));
  const response = await channel.receive(tags.linearResponse, step, responseBytes(spec));
  return atStep(step, he.decrypt(spec, response));
}

/** Probability that an element of the client's share is one unit off, 2^-11.4. */
export const linearFaultRate: number = switchFaultRate(linearParams);

/** Server: s, [M, H', W'], uniform. `weightsId` names these weights and this spec in the pool for good. */
export async function linearOfflineServer(
  he: HeServer,
  channel: Channel,
  step: number,
  spec: LinearSpec,
  weightsId: string,
  weights: Int32Array,
  rng: Rng,
): Promise<Uint32Array<ArrayBuffer>> {
  const request = await channel.receive(tags.linearRequest, step, requestBytes(spec));
  const mask = randomWords(rng, outputElements(spec));
  const response = await atStep(step, he.respond(spec, weightsId, weights, request, mask));
  await channel.send(tags.linearResponse, step, response);
  return mask;
}

/** Server, online: W u + bias + s mod 2^32, the server's share of the output, [M, H', W']. No message. */
export function linearOnline(
  ring: Ring,
  spec: LinearSpec,
  { weights, bias }: LinearWeights,
  u: Uint32Array,
  s: Uint32Array,
): Uint32Array<ArrayBuffer> {
  const output = ring.conv(spec, weights, u, bias);
  if (s.length !== output.length) {
    throw new RangeError(`linear step: expected a mask of ${output.length} elements, got ${s.length}`);
  }
  for (let i = 0; i < output.length; i++) output[i]! += s[i]!;
  return output;
}
