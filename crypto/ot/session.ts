import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import type { Rng } from '../../src/shared/random.ts';
import { randomBits } from '../bits.ts';
import { saltBytes } from '../hash.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { loadColumns } from '../ring/columns.ts';
import { loadRing } from '../ring/kernels.ts';
import type { Ring } from '../ring/kernels.ts';
import { sha256 } from '../platform/platform.ts';
import { baseReceive, baseSenderFinish, baseSenderStart, choiceBytes, pointBytes } from './base.ts';
import { missingLeaves, securityBits, SoftSpokenReceiver, SoftSpokenSender, treeDepth } from './extension.ts';
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

const step = 0;
const trees = securityBits / treeDepth;
type Direction = 'client chooses' | 'server chooses';

/**
 * Wire: C's key; S's key, S's points; C's points, C's trees; S's trees. Each key opens the base transfers
 * that the other party receives, with its own Delta behind the choices; the trees come over those transfers.
 * Rejects with ProtocolError for points that are no points and for trees that are none. Long blocks of rows
 * are made in the threads of `pool` (default: all on this thread).
 */
export async function otClient(channel: Channel, rng: Rng, pool?: WorkerPool): Promise<OtClient> {
  const { ring, work } = await loadWork(pool);
  const base = baseSenderStart(rng);
  await channel.send(tags.baseOtKey, step, base.key);
  const serverKey = await channel.receive(tags.baseOtKey, step, pointBytes);
  const session = sessionId(base.key, serverKey);
  const points = await channel.receive(tags.baseOtPoints, step, choiceBytes * securityBits);
  const delta = deltaBits(rng);
  const received = baseReceive(serverKey, leavingSides(delta), named(session, 'server chooses'), rng);
  await channel.send(tags.baseOtPoints, step, received.points);
  const pairs = baseSenderFinish(base, points, securityBits, named(session, 'client chooses'));
  const grown = growTrees(treeDepth, pairs, rng);
  await channel.send(tags.otTrees, step, grown.message);
  const chooses = directionOf(session, 'client chooses', grown.message);
  const message = await channel.receive(tags.otTrees, step, treesBytes(treeDepth, trees));
  const offers = directionOf(session, 'server chooses', message);
  const punctured = punctureTrees(treeDepth, received.seeds, missingLeaves(delta), message);
  return {
    role: 'client',
    ...choosingFrom(grown.leaves, chooses, ring, work, rng),
    ...offeringFrom(punctured, delta, offers, ring, work),
  };
}

/** The other half of `otClient`. */
export async function otServer(channel: Channel, rng: Rng, pool?: WorkerPool): Promise<OtServer> {
  const { ring, work } = await loadWork(pool);
  const clientKey = await channel.receive(tags.baseOtKey, step, pointBytes);
  const base = baseSenderStart(rng);
  await channel.send(tags.baseOtKey, step, base.key);
  const session = sessionId(clientKey, base.key);
  const delta = deltaBits(rng);
  const received = baseReceive(clientKey, leavingSides(delta), named(session, 'client chooses'), rng);
  await channel.send(tags.baseOtPoints, step, received.points);
  const points = await channel.receive(tags.baseOtPoints, step, choiceBytes * securityBits);
  const pairs = baseSenderFinish(base, points, securityBits, named(session, 'server chooses'));
  const grown = growTrees(treeDepth, pairs, rng);
  const message = await channel.receive(tags.otTrees, step, treesBytes(treeDepth, trees));
  const offers = directionOf(session, 'client chooses', message);
  const punctured = punctureTrees(treeDepth, received.seeds, missingLeaves(delta), message);
  await channel.send(tags.otTrees, step, grown.message);
  const chooses = directionOf(session, 'server chooses', grown.message);
  return {
    role: 'server',
    ...offeringFrom(punctured, delta, offers, ring, work),
    ...choosingFrom(grown.leaves, chooses, ring, work, rng),
  };
}

async function loadWork(pool: WorkerPool | undefined) {
  const ring = await loadRing();
  return { ring, work: blockWork({ ring, columns: await loadColumns() }, pool) };
}

function choosingFrom(leaves: readonly Leaves[], bound: Bound, ring: Ring, work: BlockWork, rng: Rng) {
  const seeds = choosingSeeds(treeDepth, leaves, bound.transcript);
  return {
    receiver: new SoftSpokenReceiver(leaves, bound.transcript, bound.salt, ring, rng),
    choosing: new SoftSpokenChoosing(seeds, bound.rowSalt, work),
  };
}

function offeringFrom(
  leaves: readonly Leaves[],
  deltaBits: Uint8Array,
  bound: Bound,
  ring: Ring,
  work: BlockWork,
) {
  const seeds = offeringSeeds(treeDepth, leaves, deltaBits, bound.transcript);
  return {
    sender: new SoftSpokenSender(leaves, deltaBits, bound.transcript, bound.salt, ring),
    offering: new SoftSpokenOffering(seeds, bound.rowSalt, work),
  };
}

/**
 * 128 secret bits of Delta, one a byte; the lowest is 1, so that the two labels of a wire differ in colour.
 */
function deltaBits(rng: Rng): Uint8Array {
  const bits = randomBits(rng, securityBits);
  bits[0] = 1;
  return bits;
}

/**
 * The choices of the base transfers: at each level of a tree, the highest bit of the leaf's number first, the
 * side that the path to the missing leaf leaves.
 */
export function leavingSides(delta: Uint8Array, depth: number = treeDepth): Uint8Array {
  return delta.map((_, i) => delta[i - (i % depth) + (depth - 1 - (i % depth))]! ^ 1);
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
