import { waysOf } from '../../../crypto/ot/transfers.ts';
import {
  activationOfflineClient,
  activationOfflineServer,
} from '../../../crypto/steps/activation/activation.ts';
import { clientReply, serverFinish, serverMessage } from '../../../crypto/steps/activation/activation.ts';
import type { ClientActivation, ServerActivation } from '../../../crypto/steps/activation/activation.ts';
import { clientTransfers, serverTransfers } from '../../../crypto/steps/activation/messages.ts';
import { clientKeys, serverKeys } from '../../../crypto/steps/activation/transfers.ts';
import type { ClientKeys, ServerKeys } from '../../../crypto/steps/activation/transfers.ts';
import { concatenate } from '../../../crypto/bits.ts';
import type { Channel } from '../../../crypto/channel/channel.ts';
import { bothActivationWork } from '../../../crypto/steps/activation/work.ts';
import { otClient, otServer } from '../../../crypto/ot/session.ts';
import type { OtClient, OtServer } from '../../../crypto/ot/session.ts';
import { open, share } from '../../../crypto/share.ts';
import type { Shares } from '../../../crypto/share.ts';
import { elementKinds } from '../../../crypto/spec.ts';
import type { ActivationSpec, ElementKind, ReluSpec } from '../../../crypto/spec.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { randomWords } from '../../../src/shared/random.ts';
import type { Rng } from '../../../src/shared/random.ts';

export type Kinds = ElementKind | 'mixed';
/** Of this thread. */
export const work = await bothActivationWork();

const kindCount = Object.keys(elementKinds).length;

/** Four channels with different parameters; `kinds` random where mixed. */
export function someSpec(kinds: Kinds, channelSize: number, rng: Rng, relu: ReluSpec): ActivationSpec {
  const channels = 4;
  const pick = (i: number) => (kinds === 'mixed' ? i : elementKinds[kinds]);
  const order = randomWords(rng, channels * channelSize);
  return {
    channels,
    channelSize,
    kinds: Uint8Array.from(order, (word) => pick(word % kindCount)),
    relu,
    affine: {
      truncate: 10,
      multiplier: Int32Array.of(1, -3, 5, 4),
      offset: Int32Array.of(0, 7, -9, 1000),
    },
    square: {
      truncate: 13,
      multiplier: Int32Array.of(1, 2, -1, 3),
      offset: Int32Array.of(5, -100, 0, 77),
      sign: Int8Array.of(1, -1, 1, -1),
      constant: Int32Array.of(0, 12345, -6789, 1),
    },
  };
}

/** A ReLU on the window [k, 26], cut by 8 bits. */
export function reluSpec(k: number, mode: ReluSpec['mode'] = 'posZero', truncate = 8): ReluSpec {
  return { truncate, k, bits: 26, mode };
}

/** Uniform in [-2^bits, 2^bits), every fourth a small one, so that faults occur. */
export function someValues(count: number, bits: number, rng: Rng): Int32Array {
  return new Int32Array(randomWords(rng, count).buffer).map(
    (word, i) => word >> (i % 4 === 0 ? 19 : 31 - bits),
  );
}

/** Base OT once for a test file. */
export async function realOt(rng: Rng): Promise<[OtClient, OtServer]> {
  const [toServer, toClient] = memoryChannels();
  return Promise.all([otClient(toServer, rng), otServer(toClient, rng)]);
}

export type LayerKeys = { readonly client: ClientKeys; readonly server: ServerKeys };

export type Prepared = {
  readonly keys: LayerKeys;
  /** The client's offline message. */
  readonly tables: Uint8Array;
  readonly client: ClientActivation;
  readonly server: ServerActivation;
  /** bytes of the layer's own offline messages, from the client and to it */
  readonly up: number;
  readonly down: number;
};

/** The transfers of one layer, both directions, hashed to keys. */
export async function keysOfClient(
  channel: Channel,
  ot: OtClient,
  spec: ActivationSpec,
  rng: Rng,
): Promise<ClientKeys> {
  const prepared = Promise.all([
    ot.choosing.prepare(waysOf(channel), clientTransfers(spec)),
    ot.offering.prepare(waysOf(channel), serverTransfers(spec)),
  ]);
  const [keys] = await Promise.all([clientKeys(ot, spec, work, rng), prepared]);
  return keys;
}

export async function keysOfServer(
  channel: Channel,
  ot: OtServer,
  spec: ActivationSpec,
): Promise<ServerKeys> {
  const prepared = Promise.all([
    ot.choosing.prepare(waysOf(channel), serverTransfers(spec)),
    ot.offering.prepare(waysOf(channel), clientTransfers(spec)),
  ]);
  const [keys] = await Promise.all([serverKeys(ot, spec, work), prepared]);
  return keys;
}

/** The client's whole offline half of one layer: transfers, keys and tables. */
export async function offlineClient(
  channel: Channel,
  step: number,
  ot: OtClient,
  spec: ActivationSpec,
  xC: Uint32Array,
  rng: Rng,
): Promise<ClientActivation> {
  const keys = await keysOfClient(channel, ot, spec, rng);
  const mask = randomWords(rng, spec.kinds.length);
  return activationOfflineClient(channel, step, keys, work, spec, xC, mask);
}

/** The server's. */
export async function offlineServer(
  channel: Channel,
  step: number,
  ot: OtServer,
  spec: ActivationSpec,
): Promise<ServerActivation> {
  const keys = await keysOfServer(channel, ot, spec);
  return activationOfflineServer(channel, step, keys, work, spec);
}

/** The offline phase over memory channels. */
export async function prepare(
  [otC, otS]: [OtClient, OtServer],
  spec: ActivationSpec,
  xC: Uint32Array,
  rng: Rng,
  mask: Uint32Array = randomWords(rng, spec.kinds.length),
  plantKeys: (keys: LayerKeys) => void = () => undefined,
  most?: number,
): Promise<Prepared> {
  const [toServer, toClient] = memoryChannels();
  const [client, server] = await Promise.all([
    keysOfClient(toServer, otC, spec, rng),
    keysOfServer(toClient, otS, spec),
  ]);
  const keys = { client, server };
  plantKeys(keys);
  // The offline phase uses its keys up.
  const own = structuredClone(keys);
  const before = { ...toServer.traffic };
  let tables = new Uint8Array();
  const send: Channel['send'] = async (tag, step, payload, part) => {
    tables = concatenate([tables, payload]);
    return toServer.send(tag, step, payload, part);
  };
  const [stateC, stateS] = await Promise.all([
    activationOfflineClient(
      Object.assign(Object.create(toServer) as Channel, { send }),
      ...([3, own.client, work, spec, xC, mask, most] as const),
    ),
    activationOfflineServer(toClient, 3, own.server, work, spec, most),
  ]);
  const [up, down] = [toServer.traffic.sent - before.sent, toServer.traffic.received - before.received];
  return { client: stateC, server: stateS, keys, tables, up, down };
}

/** The server's output share u. */
export function online({ client, server }: Prepared, x: Shares): Uint32Array {
  return serverFinish(server, clientReply(client, serverMessage(server, x.server)));
}

/** Shares x, runs both phases, opens y. */
export async function runLayer(
  ot: [OtClient, OtServer],
  spec: ActivationSpec,
  x: Int32Array,
  rng: Rng,
): Promise<{ y: Int32Array; shares: Shares; u: Uint32Array; mask: Uint32Array }> {
  const shares = share(x, rng);
  const prepared = await prepare(ot, spec, shares.client, rng);
  const u = online(prepared, shares);
  return { y: open(prepared.client.mask, u), shares, u, mask: prepared.client.mask };
}
