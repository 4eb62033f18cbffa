import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import type { Rng } from '../../src/shared/random.ts';
import { randomBits } from '../bits.ts';
import { saltBytes } from '../hash.ts';
import { loadRing } from '../ring/kernels.ts';
import { sha256 } from '../platform/node.ts';
import { baseReceive, baseSenderFinish, baseSenderStart, pointBytes } from './base.ts';
import { IknpReceiver, IknpSender, securityBits } from './extension.ts';
import type { OtReceiver, OtSender, Transpose } from './extension.ts';

/** The transfers of a session, both directions; once a session, before any step. */
export type OtClient = { readonly role: 'client'; readonly receiver: OtReceiver; readonly sender: OtSender };
export type OtServer = { readonly role: 'server'; readonly sender: OtSender; readonly receiver: OtReceiver };

const step = 0;
type Direction = 'client chooses' | 'server chooses';

/**
 * Wire: C's key; S's key, S's points; C's points. Each key opens the base transfers that the other party receives, with the
 * bits of its own Delta as choices. Rejects with ProtocolError for points that are no points.
 */
export async function otClient(channel: Channel, rng: Rng): Promise<OtClient> {
  const transpose = await loadTranspose();
  const base = baseSenderStart(rng);
  await channel.send(tags.baseOtKey, step, base.key);
  const serverKey = await channel.receive(tags.baseOtKey, step, pointBytes);
  const session = sessionId(base.key, serverKey);
  const points = await channel.receive(tags.baseOtPoints, step, pointBytes * securityBits);
  const choices = deltaBits(rng);
  const received = baseReceive(serverKey, choices, named(session, 'server chooses'), rng);
  await channel.send(tags.baseOtPoints, step, received.points);
  const pairs = baseSenderFinish(base, points, securityBits, named(session, 'client chooses'));
  return {
    role: 'client',
    receiver: new IknpReceiver(pairs, otSalt(session, 'client chooses'), transpose),
    sender: new IknpSender(received.seeds, choices, otSalt(session, 'server chooses'), transpose),
  };
}

/** The other half of `otClient`. */
export async function otServer(channel: Channel, rng: Rng): Promise<OtServer> {
  const transpose = await loadTranspose();
  const clientKey = await channel.receive(tags.baseOtKey, step, pointBytes);
  const base = baseSenderStart(rng);
  await channel.send(tags.baseOtKey, step, base.key);
  const session = sessionId(clientKey, base.key);
  const choices = deltaBits(rng);
  const received = baseReceive(clientKey, choices, named(session, 'client chooses'), rng);
  await channel.send(tags.baseOtPoints, step, received.points);
  const points = await channel.receive(tags.baseOtPoints, step, pointBytes * securityBits);
  const pairs = baseSenderFinish(base, points, securityBits, named(session, 'server chooses'));
  return {
    role: 'server',
    sender: new IknpSender(received.seeds, choices, otSalt(session, 'client chooses'), transpose),
    receiver: new IknpReceiver(pairs, otSalt(session, 'server chooses'), transpose),
  };
}

async function loadTranspose(): Promise<Transpose> {
  const ring = await loadRing();
  return (columns, n) => ring.transpose128(columns, n);
}

/** 128 secret bits of Delta, one a byte; the lowest is 1, so that the two labels of a wire differ in colour. */
function deltaBits(rng: Rng): Uint8Array {
  const bits = randomBits(rng, securityBits);
  bits[0] = 1;
  return bits;
}

/** Both keys are fresh in every session, so their hash names it. */
function sessionId(clientKey: Uint8Array, serverKey: Uint8Array): Uint8Array {
  return named(sha256(clientKey, serverKey), 'session');
}

/** The salt of random-OT hashing: the domain that no garbling uses. */
function otSalt(session: Uint8Array, direction: Direction): Uint8Array {
  return sha256(named(session, direction), new TextEncoder().encode('random OT')).subarray(0, saltBytes);
}

function named(session: Uint8Array, name: string): Uint8Array {
  return sha256(session, new TextEncoder().encode(name));
}
