import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import type { Rng } from '../../src/shared/random.ts';
import { saltBytes } from '../hash.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { loadColumns } from '../ring/columns.ts';
import { loadRing } from '../ring/kernels.ts';
import type { Ring } from '../ring/kernels.ts';
import { sha256 } from '../platform/platform.ts';
import { baseReceive, baseSenderFinish, baseSenderStart, choiceBytes, pointBytes } from './base.ts';
import { defaultDepth, depthsOf } from './blocks.ts';
import { drawDelta, leavingSides, missingLeaves } from './delta.ts';
import { securityBits, SoftSpokenReceiver, SoftSpokenSender, treeDepth } from './extension.ts';
import type { OtReceiver, OtSender } from './extension.ts';
import { blockWork } from './block-work.ts';
import type { BlockWork } from './block-work.ts';
import { choosingSeeds, offeringSeeds } from './soft-spoken.ts';
import { SoftSpokenChoosing, SoftSpokenOffering } from './soft-spoken-transfers.ts';
import type { ChoosingTransfers, OfferingTransfers } from './transfers.ts';
import { growTrees, punctureTrees, treesBytes } from './trees.ts';
import type { Leaves } from './trees.ts';

/** The transfers of a session, both directions; once a session, before any step. */
export type OtClient = Transfers & { readonly role: 'client' };
export type OtServer = Transfers & { readonly role: 'server' };

type Transfers = {
  readonly receiver: OtReceiver;
  readonly sender: OtSender;
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
  const { ring, work } = await loadWork(pool);
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
    ...choosingFrom({ depth, leaves: grown.leaves, bound: chooses, ring, work, rng }),
    ...offeringFrom({ depth, leaves: punctured, bound: offers, ring, work }, delta),
  };
}

/** The other half of `otClient`. */
export async function otServer(
  channel: Channel,
  rng: Rng,
  { depth = defaultDepth, pool }: OtOptions = {},
): Promise<OtServer> {
  const { ring, work } = await loadWork(pool);
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
    ...offeringFrom({ depth, leaves: punctured, bound: offers, ring, work }, delta),
    ...choosingFrom({ depth, leaves: grown.leaves, bound: chooses, ring, work, rng }),
  };
}

async function loadWork(pool: WorkerPool | undefined) {
  const ring = await loadRing();
  return { ring, work: blockWork({ ring, columns: await loadColumns() }, pool) };
}

type Parts = {
  readonly depth: number;
  readonly leaves: readonly Leaves[];
  readonly bound: Bound;
  readonly ring: Ring;
  readonly work: BlockWork;
};

function choosingFrom({ depth, leaves, bound, ring, work, rng }: Parts & { readonly rng: Rng }) {
  const seeds = choosingSeeds(depth, leaves, bound.transcript);
  // The older API knows one depth.
  const older = depth === treeDepth ? leaves : [];
  return {
    receiver: new SoftSpokenReceiver(older, bound.transcript, bound.salt, ring, rng),
    choosing: new SoftSpokenChoosing(seeds, bound.rowSalt, work),
  };
}

function offeringFrom({ depth, leaves, bound, ring, work }: Parts, delta: Uint8Array) {
  const seeds = offeringSeeds(depth, leaves, delta, bound.transcript);
  const older = depth === treeDepth ? leaves : [];
  return {
    sender: new SoftSpokenSender(older, delta, bound.transcript, bound.salt, ring),
    offering: new SoftSpokenOffering(seeds, bound.rowSalt, work),
  };
}

/** Both keys are fresh in every session, so their hash names it. */
function sessionId(clientKey: Uint8Array, serverKey: Uint8Array): Uint8Array {
  return named(sha256(clientKey, serverKey), 'session');
}

type Bound = { readonly transcript: Uint8Array; readonly salt: Uint8Array; readonly rowSalt: Uint8Array };

/** What a direction's challenges are bound to, and the salts of its rows: domains that no garbling uses. */
function directionOf(session: Uint8Array, direction: Direction, treesMessage: Uint8Array): Bound {
  const transcript = sha256(named(session, direction), treesMessage);
  const salt = (name: string) => named(transcript, name).subarray(0, saltBytes);
  return { transcript, salt: salt('random OT'), rowSalt: salt('rows') };
}

function named(session: Uint8Array, name: string): Uint8Array {
  return sha256(session, new TextEncoder().encode(name));
}
