import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import type { Rng } from '../../src/shared/random.ts';
import { saltBytes } from '../hash.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { loadColumns } from '../ring/columns.ts';
import { sha256 } from '../platform/platform.ts';
import { baseReceive, baseSenderFinish, baseSenderStart, choiceBytes, pointBytes } from './base.ts';
import { defaultDepth, depthsOf } from './blocks.ts';
import { drawDelta, leavingSides, missingLeaves } from './delta.ts';
import { blockWork } from './block-work.ts';
import { choosingSeeds, offeringSeeds } from './soft-spoken.ts';
import { SoftSpokenChoosing, SoftSpokenOffering } from './soft-spoken-transfers.ts';
import { securityBits } from './transfers.ts';
import type { ChoosingTransfers, OfferingTransfers } from './transfers.ts';
import { growTrees, punctureTrees, treesBytes } from './trees.ts';

/** The transfers of a session, both directions; once a session, before any step. */
export type OtClient = Transfers & { readonly role: 'client' };
export type OtServer = Transfers & { readonly role: 'server' };

type Transfers = {
  readonly choosing: ChoosingTransfers;
  readonly offering: OfferingTransfers;
};

export type OtOptions = {
  /** Depth of the trees in both directions, the same for both parties (default: `defaultDepth`). */
  readonly depth?: number | undefined;
  /** Long blocks of rows are made in its threads (default: all on this thread). */
  readonly pool?: WorkerPool | undefined;
};

const step = 0;
type Direction = 'client chooses' | 'server chooses';

/**
 * Wire: C's key; S's key, S's points; C's points, C's trees; S's trees. Each key opens the base transfers
 * that the other party receives, with its own Delta behind the choices; the trees come over those transfers.
 * Rejects with ProtocolError for points that are no points and for trees that are none.
 */
export async function otClient(
  channel: Channel,
  rng: Rng,
  { depth = defaultDepth, pool }: OtOptions = {},
): Promise<OtClient> {
  const work = blockWork(await loadColumns(), pool);
  const base = baseSenderStart(rng);
  await channel.send(tags.baseOtKey, step, base.key);
  const serverKey = await channel.receive(tags.baseOtKey, step, pointBytes);
  const session = sessionId(base.key, serverKey);
  const points = await channel.receive(tags.baseOtPoints, step, choiceBytes * securityBits);
  const delta = drawDelta(rng);
  const received = baseReceive(serverKey, leavingSides(delta, depth), named(session, 'server chooses'), rng);
  await channel.send(tags.baseOtPoints, step, received.points);
  const pairs = baseSenderFinish(base, points, securityBits, named(session, 'client chooses'));
  const grown = growTrees(depthsOf(depth), pairs, rng);
  await channel.send(tags.otTrees, step, grown.message);
  const chooses = directionOf(session, 'client chooses', grown.message);
  const message = await channel.receive(tags.otTrees, step, treesBytes(depthsOf(depth)));
  const offers = directionOf(session, 'server chooses', message);
  const missing = missingLeaves(delta, depth);
  const punctured = punctureTrees(depthsOf(depth), received.seeds, missing, message);
  return {
    role: 'client',
    choosing: new SoftSpokenChoosing(
      choosingSeeds(depth, grown.leaves, chooses.transcript),
      chooses.salt,
      work,
    ),
    offering: new SoftSpokenOffering(
      offeringSeeds(depth, punctured, delta, offers.transcript),
      offers.salt,
      work,
    ),
  };
}

/** The other half of `otClient`. */
export async function otServer(
  channel: Channel,
  rng: Rng,
  { depth = defaultDepth, pool }: OtOptions = {},
): Promise<OtServer> {
  const work = blockWork(await loadColumns(), pool);
  const clientKey = await channel.receive(tags.baseOtKey, step, pointBytes);
  const base = baseSenderStart(rng);
  await channel.send(tags.baseOtKey, step, base.key);
  const session = sessionId(clientKey, base.key);
  const delta = drawDelta(rng);
  const received = baseReceive(clientKey, leavingSides(delta, depth), named(session, 'client chooses'), rng);
  await channel.send(tags.baseOtPoints, step, received.points);
  const points = await channel.receive(tags.baseOtPoints, step, choiceBytes * securityBits);
  const pairs = baseSenderFinish(base, points, securityBits, named(session, 'server chooses'));
  const grown = growTrees(depthsOf(depth), pairs, rng);
  const message = await channel.receive(tags.otTrees, step, treesBytes(depthsOf(depth)));
  const offers = directionOf(session, 'client chooses', message);
  const missing = missingLeaves(delta, depth);
  const punctured = punctureTrees(depthsOf(depth), received.seeds, missing, message);
  await channel.send(tags.otTrees, step, grown.message);
  const chooses = directionOf(session, 'server chooses', grown.message);
  return {
    role: 'server',
    offering: new SoftSpokenOffering(
      offeringSeeds(depth, punctured, delta, offers.transcript),
      offers.salt,
      work,
    ),
    choosing: new SoftSpokenChoosing(
      choosingSeeds(depth, grown.leaves, chooses.transcript),
      chooses.salt,
      work,
    ),
  };
}

/** Both keys are fresh in every session, so their hash names it. */
function sessionId(clientKey: Uint8Array, serverKey: Uint8Array): Uint8Array {
  return named(sha256(clientKey, serverKey), 'session');
}

/** What a direction's challenges are bound to, and the salt of its rows. */
function directionOf(session: Uint8Array, direction: Direction, treesMessage: Uint8Array) {
  const transcript = sha256(named(session, direction), treesMessage);
  return { transcript, salt: named(transcript, 'rows').subarray(0, saltBytes) };
}

function named(session: Uint8Array, name: string): Uint8Array {
  return sha256(session, new TextEncoder().encode(name));
}
