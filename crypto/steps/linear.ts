import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import { PartReader, PartWriter, receiveParts, sendParts } from '../channel/parts.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { release } from '../../src/shared/release.ts';
import type { Rng } from '../../src/shared/random.ts';
import { exchangeSizes, exchangesOf } from '../he/exchange.ts';
import { layoutOf } from '../he/layout.ts';
import { HeClient, HeServer, linearRequestBytes, linearResponseBytes } from '../he/linear.ts';
import { publicKeyBytes, seedPartBytes } from '../he/keys.ts';
import type { HeServerOptions } from '../he/linear.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { linearParams, roundingFaultRate } from '../params.ts';
import type { Ring } from '../ring/kernels.ts';
import { outputElements } from '../spec.ts';
import type { LinearSpec, LinearWeights } from '../spec.ts';

/**
 * A linear step. Offline the client draws a uniform input mask r. Enc(r) goes up, an answer comes back, and
 * each party has a share of W r (he/linear.ts), exchange by exchange (he/exchange.ts): while one is answered,
 * the next is encrypted and the one before decrypted. Online the server holds u = y - r and computes W u +
 * bias + its share alone. The two shares then add up to W y + bias.
 */
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

/**
 * Opens a session's keys on the client: sends its part of the seeds, which nothing may follow that depends on
 * the server's part. Returns it for `heKeysClient`.
 */
export async function heOpenClient(channel: Channel, step: number, rng: Rng): Promise<Uint8Array> {
  const part = rng.bytes(seedPartBytes);
  await channel.send(tags.heSeedPart, step, part);
  return part;
}

/** The server's half. Returns the client's part for `heKeysServer`. */
export function heOpenServer(channel: Channel, step: number): Promise<Uint8Array> {
  return channel.receive(tags.heSeedPart, step, seedPartBytes);
}

/** Receives the server's part and sends the public keys that follow from both. */
export async function heKeysClient(
  he: HeClient,
  channel: Channel,
  step: number,
  client: Uint8Array,
  linearKeys: number,
): Promise<void> {
  const server = await channel.receive(tags.heSeedPart, step, seedPartBytes);
  const message = { tag: tags.hePublicKey, step };
  await sendParts(channel, message, await he.publicKey({ client, server }, linearKeys));
}

/** The server's half. Throws ProtocolError when a key is malformed. */
export async function heKeysServer(
  pool: WorkerPool,
  channel: Channel,
  step: number,
  client: Uint8Array,
  options: HeServerOptions,
  rng: Rng,
): Promise<HeServer> {
  const server = rng.bytes(seedPartBytes);
  await channel.send(tags.heSeedPart, step, server);
  const length = publicKeyBytes(options.linearKeys ?? 1);
  const publicKey = await receiveParts(channel, { tag: tags.hePublicKey, step, length });
  return atStep(step, HeServer.create(pool, publicKey, { client, server }, options));
}

/** All of the above on the client, for one key of linear layers. */
export async function heSetupClient(
  pool: WorkerPool,
  channel: Channel,
  step: number,
  rng: Rng,
): Promise<HeClient> {
  const part = await heOpenClient(channel, step, rng);
  const he = await HeClient.create(pool);
  await heKeysClient(he, channel, step, part, 1);
  return he;
}

/** All of the above on the server. */
export async function heSetupServer(
  pool: WorkerPool,
  channel: Channel,
  step: number,
  rng: Rng,
): Promise<HeServer> {
  return heKeysServer(pool, channel, step, await heOpenServer(channel, step), {}, rng);
}

/**
 * The client's offline half. Returns its share of W input, [M, H', W']. In `linearFaultRate` of the elements
 * it adds up with the server's to **one unit more or less**, with equal probability. That is the price of an
 * answer of 40 bits a coefficient, and depends on how it rounds. A unit is one of the output's scale, which
 * is far below what a truncation rounds off. An error is never two units: that needs a rounding of 17
 * deviations. `most` is that of `Message` and `exchangesOf`.
 */
export async function linearOfflineClient(
  he: HeClient,
  channel: Channel,
  step: number,
  spec: LinearSpec,
  input: Uint32Array,
  most?: number,
): Promise<Uint32Array<ArrayBuffer>> {
  const layout = layoutOf(spec);
  const exchanges = exchangesOf(layout, most);
  const messages = messagesOf(channel, step, spec, most);
  const share = new Uint32Array(outputElements(spec));
  let hasFailed = false;
  let encrypting: Promise<Uint8Array> | undefined;
  const ask = async () => {
    const request = new PartWriter(...messages.request);
    for (const exchange of exchanges) {
      encrypting = he.encrypt(spec, input, exchange);
      const bytes = await encrypting;
      if (!hasFailed) await request.write(bytes);
      if (hasFailed) return;
    }
  };
  const take = async () => {
    const answer = new PartReader(...messages.response);
    for (const exchange of exchanges) {
      const response = await answer.read(exchangeSizes(layout, exchange).responseBytes);
      await atStep(step, he.decrypt(spec, response, exchange, share));
      release(response);
    }
  };
  try {
    await Promise.all([ask(), take()]);
    return share;
  } catch (error) {
    // Whoever meets the failure may close the keys, so nothing is encrypted any more.
    hasFailed = true;
    await encrypting?.catch(() => undefined);
    throw error;
  }
}

/** Both messages of a linear step. */
function messagesOf(channel: Channel, step: number, spec: LinearSpec, most: number | undefined) {
  const limit = most === undefined ? {} : { most };
  const request = { tag: tags.linearRequest, step, length: requestBytes(spec), ...limit };
  const response = { tag: tags.linearResponse, step, length: responseBytes(spec), ...limit };
  return { request: [channel, request], response: [channel, response] } as const;
}

/** The probability that the shares of an element add up to one unit more or less: 4.70 %. */
export const linearFaultRate: number = /* @__PURE__ */ roundingFaultRate(linearParams);

/**
 * The server's offline half. Returns its share of W input, [M, H', W']. `weightsId` must name these weights
 * with this spec for as long as the pool lives. `opened` says that the shares go to the client in the end
 * (default: false). `most` is the client's.
 */
export async function linearOfflineServer(
  he: HeServer,
  channel: Channel,
  step: number,
  spec: LinearSpec,
  weightsId: string,
  weights: Int32Array,
  opened = false,
  most?: number,
): Promise<Uint32Array<ArrayBuffer>> {
  const layout = layoutOf(spec);
  const messages = messagesOf(channel, step, spec, most);
  const [asked, answer] = [new PartReader(...messages.request), new PartWriter(...messages.response)];
  const shares = new Uint32Array(outputElements(spec));
  let sent = Promise.resolve();
  for (const exchange of exchangesOf(layout, most)) {
    const request = await asked.read(exchangeSizes(layout, exchange).requestBytes);
    const answering = he.respond(spec, weightsId, weights, request, opened, exchange, shares);
    const { response } = await atStep(step, answering);
    release(request);
    await sent;
    sent = answer.write(response);
    // Its failure is met before the next answer is sent.
    sent.catch(() => undefined);
  }
  await sent;
  return shares;
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
