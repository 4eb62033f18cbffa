import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import type { Rng } from '../../src/shared/random.ts';
import { inTurns } from '../../src/shared/turns.ts';
import { saltBytes } from '../hash.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { prgSeedBytes } from '../prg.ts';
import { loadColumns } from '../ring/columns.ts';
import { sha256 } from '../platform/platform.ts';
import { baseReceiving, baseSenderFinishing, baseSenderStart, choiceBytes, pointBytes } from './base.ts';
import { defaultDepth, depthsOf } from './blocks.ts';
import { drawDelta, leavingSides, missingLeaves } from './delta.ts';
import { blockWork } from './block-work.ts';
import type { BlockWork } from './block-work.ts';
import { SilentChoosing, SilentOffering } from './silent-transfers.ts';
import { silentTools, silentWork } from './silent-work.ts';
import type { SilentWork } from './silent-work.ts';
import type { SilentSet } from './silent-sets.ts';
import type { SilentSession } from './silent.ts';
import { choosingSeeds, offeringSeeds } from './soft-spoken.ts';
import { SoftSpokenChoosing, SoftSpokenOffering } from './soft-spoken-transfers.ts';
import { securityBits } from './transfers.ts';
import type { ChoosingTransfers, OfferingTransfers } from './transfers.ts';
import { growTrees, punctureTrees, treesBytes } from './trees.ts';
import type { Leaves } from './trees.ts';

/** The transfers of a session, both directions; once a session, before any step. */
export type OtClient = Transfers & { readonly role: 'client' };
export type OtServer = Transfers & { readonly role: 'server' };

type Transfers = {
  readonly choosing: ChoosingTransfers;
  readonly offering: OfferingTransfers;
};

/** What transfers come from: SoftSpokenOT, or silent transfers with parameters of this name. */
export type TransferSource = 'softspoken' | SilentSet;

/** Of the transfers in which the client chooses, and of those in which the server does. */
export type TransferSources = { readonly up: TransferSource; readonly down: TransferSource };

export const softSpokenOnly: TransferSources = { up: 'softspoken', down: 'softspoken' };

export type OtOptions = {
  /** The same for both parties (default: `softSpokenOnly`). */
  readonly sources?: TransferSources | undefined;
  /** Depth of the trees in both directions, the same for both parties (default: `defaultDepth`). */
  readonly depth?: number | undefined;
  /** Long blocks of rows are made in its threads (default: all on this thread). */
  readonly pool?: WorkerPool | undefined;
};

const step = 0;

/**
 * Wire: C's key; S's key, S's points; C's points, C's trees; S's trees. Each key opens the base transfers
 * that the other party receives, with its own Delta behind the choices; the trees come over those transfers.
 * Rejects with ProtocolError for points that are no points and for trees that are none.
 */
export async function otClient(channel: Channel, rng: Rng, options: OtOptions = {}): Promise<OtClient> {
  const { depth = defaultDepth, sources = softSpokenOnly } = options;
  const base = baseSenderStart(rng);
  await channel.send(tags.baseOtKey, step, base.key);
  const serverKey = await channel.receive(tags.baseOtKey, step, pointBytes);
  const session = sessionId(base.key, serverKey);
  const points = await channel.receive(tags.baseOtPoints, step, choiceBytes * securityBits);
  const delta = drawDelta(rng);
  const received = await inTurns(
    baseReceiving(serverKey, leavingSides(delta, depth), named(session, 'server chooses'), rng),
  );
  await channel.send(tags.baseOtPoints, step, received.points);
  const pairs = await inTurns(
    baseSenderFinishing(base, points, securityBits, named(session, 'client chooses')),
  );
  const grown = growTrees(depthsOf(depth), pairs, rng);
  await channel.send(tags.otTrees, step, grown.message);
  const message = await channel.receive(tags.otTrees, step, treesBytes(depthsOf(depth)));
  const punctured = punctureTrees(depthsOf(depth), received.seeds, missingLeaves(delta, depth), message);
  const up = directionOf(session, 'client chooses', { source: sources.up, depth }, grown.message);
  const down = directionOf(session, 'server chooses', { source: sources.down, depth }, message);
  const work = await transferWork(options.pool);
  return {
    role: 'client',
    choosing: choosingFrom(up, grown.leaves, work),
    offering: offeringFrom(down, punctured, delta, work, rng),
  };
}

/** The other half of `otClient`. */
export async function otServer(channel: Channel, rng: Rng, options: OtOptions = {}): Promise<OtServer> {
  const { depth = defaultDepth, sources = softSpokenOnly } = options;
  const clientKey = await channel.receive(tags.baseOtKey, step, pointBytes);
  const base = baseSenderStart(rng);
  await channel.send(tags.baseOtKey, step, base.key);
  const session = sessionId(clientKey, base.key);
  const delta = drawDelta(rng);
  const received = await inTurns(
    baseReceiving(clientKey, leavingSides(delta, depth), named(session, 'client chooses'), rng),
  );
  await channel.send(tags.baseOtPoints, step, received.points);
  const points = await channel.receive(tags.baseOtPoints, step, choiceBytes * securityBits);
  const pairs = await inTurns(
    baseSenderFinishing(base, points, securityBits, named(session, 'server chooses')),
  );
  const grown = growTrees(depthsOf(depth), pairs, rng);
  const message = await channel.receive(tags.otTrees, step, treesBytes(depthsOf(depth)));
  const punctured = punctureTrees(depthsOf(depth), received.seeds, missingLeaves(delta, depth), message);
  await channel.send(tags.otTrees, step, grown.message);
  const up = directionOf(session, 'client chooses', { source: sources.up, depth }, message);
  const down = directionOf(session, 'server chooses', { source: sources.down, depth }, grown.message);
  const work = await transferWork(options.pool);
  return {
    role: 'server',
    offering: offeringFrom(up, punctured, delta, work, rng),
    choosing: choosingFrom(down, grown.leaves, work),
  };
}

type TransferWork = { readonly blocks: BlockWork; readonly iterations: SilentWork };

async function transferWork(pool: WorkerPool | undefined): Promise<TransferWork> {
  return {
    blocks: blockWork(await loadColumns(), pool),
    iterations: silentWork(await silentTools(), pool),
  };
}

/** SoftSpokenOT, or silent transfers that begin with its rows. */
function choosingFrom(
  { source, depth, salt, bound }: Direction,
  leaves: readonly Leaves[],
  { blocks, iterations }: TransferWork,
): ChoosingTransfers {
  const base = new SoftSpokenChoosing(choosingSeeds(depth, leaves, bound.transcript), salt, blocks);
  if (source === 'softspoken') return base;
  return new SilentChoosing(base, { set: source, ...bound, work: iterations });
}

function offeringFrom(
  { source, depth, salt, bound }: Direction,
  leaves: readonly Leaves[],
  delta: Uint8Array,
  { blocks, iterations }: TransferWork,
  rng: Rng,
): OfferingTransfers {
  const seeds = offeringSeeds(depth, leaves, delta, bound.transcript);
  const base = new SoftSpokenOffering(seeds, salt, blocks);
  if (source === 'softspoken') return base;
  return new SilentOffering(base, { set: source, ...bound, work: iterations }, rng);
}

/** Both keys are fresh in every session, so their hash names it. */
function sessionId(clientKey: Uint8Array, serverKey: Uint8Array): Uint8Array {
  return named(sha256(clientKey, serverKey), 'session');
}

/** What the rows of a direction come from. */
type Source = {
  readonly source: TransferSource;
  /** Of the trees of SoftSpokenOT. */
  readonly depth: number;
};
/** And the salt of their hashes, and what challenges are bound to. */
type Direction = Source & { readonly salt: Uint8Array; readonly bound: SilentSession };

function directionOf(
  session: Uint8Array,
  name: 'client chooses' | 'server chooses',
  source: Source,
  treesMessage: Uint8Array,
): Direction {
  const transcript = sha256(named(session, name), treesMessage);
  const code = named(session, 'code of silent transfers').slice(0, prgSeedBytes);
  return { ...source, salt: named(transcript, 'rows').subarray(0, saltBytes), bound: { transcript, code } };
}

function named(session: Uint8Array, name: string): Uint8Array {
  return sha256(session, new TextEncoder().encode(name));
}
