import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { HeClient, HeServer, linearRequestBytes, linearResponseBytes } from '../he/linear.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { publicKeyBytes } from '../he/keys.ts';
import { linearParams, switchFaultRate } from '../params.ts';
import type { Ring } from '../ring/kernels.ts';
import { outputElements } from '../spec.ts';
import type { LinearSpec, LinearWeights } from '../spec.ts';

/**
 * A linear step. Offline the client draws a uniform input mask r. Enc(r) goes up and Enc(W r - s) comes back,
 * where s is uniform. The client keeps W r - s, the server keeps s. Online the server holds u = y - r and
 * computes W u + bias + s alone. The two shares add up to W y + bias.
 */
export { publicKeyBytes };
export const requestBytes: (spec: LinearSpec) => number = linearRequestBytes;
export const responseBytes: (spec: LinearSpec) => number = linearResponseBytes;

/** Adds the number of the step to an error about what the peer sent. */
export async function atStep<T>(step: number, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ProtocolError) throw new ProtocolError(`step ${step}: ${error.message}`);
    throw error;
  }
}

/** Runs once per session on the client: makes the keys and sends the public ones. */
export async function heSetupClient(pool: WorkerPool, channel: Channel, step: number): Promise<HeClient> {
  const he = await HeClient.create(pool);
  await channel.send(tags.hePublicKey, step, he.publicKey);
  return he;
}

/** Runs once per session on the server. Throws ProtocolError when the key is malformed. */
export async function heSetupServer(pool: WorkerPool, channel: Channel, step: number): Promise<HeServer> {
  const publicKey = await channel.receive(tags.hePublicKey, step, publicKeyBytes);
  return atStep(step, HeServer.create(pool, publicKey));
}

/**
 * The client's offline half. Returns its share W input - s mod 2^32, [M, H', W'], which is **wrong by one
 * unit**, up or down with equal probability, in `linearFaultRate` of the elements. That is the price of a
 * uniform c0 (he/rerandomize.ts), and it depends on how the flooding and the modulus switch fell. A unit is
 * one of the output's scale, which is below what a truncation rounds off. An error is never two units,
 * because the rounding of the switch is at most (N + 1) / 2 and half a cell is 2^14.
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

/** The probability that an element of the client's share is wrong by one unit: 2^-11.4. */
export const linearFaultRate: number = switchFaultRate(linearParams);

/**
 * The server's offline half. Returns its share s, [M, H', W'], which is uniform. `weightsId` must name these
 * weights with this spec for as long as the pool lives.
 */
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

/**
 * The server's online half: its share of the output, W u + bias + s mod 2^32, [M, H', W']. No message is
 * sent.
 */
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
