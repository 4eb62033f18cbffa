import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import type { Rng } from '../../src/shared/random.ts';
import { inTurns } from '../../src/shared/turns.ts';
import { saltBytes } from '../hash.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { prgSeedBytes } from '../prg.ts';
import { loadColumns } from '../ring/columns.ts';
import type { Indices } from '../ring/silent.ts';
import { sha256 } from '../platform/platform.ts';
import { baseReceiving, baseSenderFinishing, baseSenderStart, choiceBytes, pointBytes } from './base.ts';
import { defaultDepth, depthsOf, greatestDepth } from './blocks.ts';
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

/** Those that sessions may have. */
export const sessionSources = ['softspoken', 's16'] as const satisfies readonly TransferSource[];
export type SessionSource = (typeof sessionSources)[number];

/** Of the transfers in which the client chooses, and of those in which the server does. */
export type TransferSources = { readonly up: TransferSource; readonly down: TransferSource };

export const softSpokenOnly: TransferSources = { up: 'softspoken', down: 'softspoken' };

/**
 * The depth of a direction's trees, in a session of depth `depth`. Those of silent transfers serve for the
 * first rows alone, so that they are the ones that send least.
 */
export function treeDepth(source: TransferSource, depth: number): number {
  return source === 'softspoken' ? depth : greatestDepth;
}

export type OtOptions = {
  /** The same for both parties (default: `softSpokenOnly`). */
  readonly sources?: TransferSources | undefined;
  /** Depth of the trees in directions of SoftSpokenOT, the same for both (default: `defaultDepth`). */
  readonly depth?: number | undefined;
  /** Long blocks of rows are made in its threads (default: all on this thread). */
  readonly pool?: WorkerPool | undefined;
  /** Bytes of rows of each direction that are made before they are taken (default: `defaultAheadBytes`). */
  readonly aheadBytes?: number | undefined;
  /** Of the code of silent transfers, in each thread (default: kept). */
  readonly indices?: Indices | undefined;
};

const step = 0;

/**
 * Wire: C's key; S's key, S's points; C's points, C's trees; S's trees. Each key opens the base transfers
 * that the other party receives, with its own Delta behind the choices; the trees come over those transfers.
 * Rejects with ProtocolError for points that are no points and for trees that are none.
 */
export async function otClient(channel: Channel, rng: Rng, options: OtOptions = {}): Promise<OtClient> {
  const { up, down } = sourcesOf(options);
  const base = baseSenderStart(rng);
  await channel.send(tags.baseOtKey, step, base.key);
  const serverKey = await channel.receive(tags.baseOtKey, step, pointBytes);
  const session = sessionId(base.key, serverKey);
  const [upName, downName] = directionNames(session);
  const points = await channel.receive(tags.baseOtPoints, step, choiceBytes * securityBits);
  const delta = drawDelta(rng);
  const received = await inTurns(baseReceiving(serverKey, leavingSides(delta, down.depth), downName, rng));
  await channel.send(tags.baseOtPoints, step, received.points);
  const pairs = await inTurns(baseSenderFinishing(base, points, securityBits, upName));
  const grown = growTrees(upName, depthsOf(up.depth), pairs, rng);
  await channel.send(tags.otTrees, step, grown.message);
  const message = await channel.receive(tags.otTrees, step, treesBytes(depthsOf(down.depth)));
  const leaves = punctured(down, downName, received.seeds, delta, message);
  const work = await transferWork(options);
  return {
    role: 'client',
    choosing: choosingFrom(up, directionOf(session, upName, grown.message), grown.leaves, work),
    offering: offeringFrom(down, directionOf(session, downName, message), { leaves, delta }, work, rng),
  };
}

/** The other half of `otClient`. */
export async function otServer(channel: Channel, rng: Rng, options: OtOptions = {}): Promise<OtServer> {
  const { up, down } = sourcesOf(options);
  const clientKey = await channel.receive(tags.baseOtKey, step, pointBytes);
  const base = baseSenderStart(rng);
  await channel.send(tags.baseOtKey, step, base.key);
  const session = sessionId(clientKey, base.key);
  const [upName, downName] = directionNames(session);
  const delta = drawDelta(rng);
  const received = await inTurns(baseReceiving(clientKey, leavingSides(delta, up.depth), upName, rng));
  await channel.send(tags.baseOtPoints, step, received.points);
  const points = await channel.receive(tags.baseOtPoints, step, choiceBytes * securityBits);
  const pairs = await inTurns(baseSenderFinishing(base, points, securityBits, downName));
  const grown = growTrees(downName, depthsOf(down.depth), pairs, rng);
  const message = await channel.receive(tags.otTrees, step, treesBytes(depthsOf(up.depth)));
  const leaves = punctured(up, upName, received.seeds, delta, message);
  await channel.send(tags.otTrees, step, grown.message);
  const work = await transferWork(options);
  return {
    role: 'server',
    offering: offeringFrom(up, directionOf(session, upName, message), { leaves, delta }, work, rng),
    choosing: choosingFrom(down, directionOf(session, downName, grown.message), grown.leaves, work),
  };
}

/** What the rows of a direction come from. */
type Source = {
  readonly source: TransferSource;
  /** Of the trees of SoftSpokenOT. */
  readonly depth: number;
};

function sourcesOf({ sources = softSpokenOnly, depth = defaultDepth }: OtOptions): {
  readonly up: Source;
  readonly down: Source;
} {
  const of = (source: TransferSource): Source => ({ source, depth: treeDepth(source, depth) });
  return { up: of(sources.up), down: of(sources.down) };
}

type TransferWork = Pick<OtOptions, 'aheadBytes' | 'indices'> & {
  readonly blocks: BlockWork;
  readonly iterations: SilentWork;
};

async function transferWork({ pool, aheadBytes, indices }: OtOptions): Promise<TransferWork> {
  return {
    aheadBytes,
    indices,
    blocks: blockWork(await loadColumns(), pool),
    iterations: silentWork(await silentTools(), pool),
  };
}

/** SoftSpokenOT, or silent transfers that begin with its rows. */
function choosingFrom(
  { source, depth }: Source,
  { salt, bound }: Direction,
  leaves: readonly Leaves[],
  { blocks, iterations: work, aheadBytes, indices }: TransferWork,
): ChoosingTransfers {
  const base = new SoftSpokenChoosing(
    choosingSeeds(depth, leaves, bound.transcript),
    salt,
    blocks,
    aheadBytes,
  );
  if (source === 'softspoken') return base;
  return new SilentChoosing(base, { set: source, ...bound, work, aheadBytes, indices });
}

function offeringFrom(
  { source, depth }: Source,
  { salt, bound }: Direction,
  { leaves, delta }: { readonly leaves: readonly Leaves[]; readonly delta: Uint8Array },
  { blocks, iterations: work, aheadBytes, indices }: TransferWork,
  rng: Rng,
): OfferingTransfers {
  const seeds = offeringSeeds(depth, leaves, delta, bound.transcript);
  const base = new SoftSpokenOffering(seeds, salt, blocks, aheadBytes);
  if (source === 'softspoken') return base;
  return new SilentOffering(base, { set: source, ...bound, work, aheadBytes, indices }, rng);
}

/** Both keys are fresh in every session, so their hash names it. */
function sessionId(clientKey: Uint8Array, serverKey: Uint8Array): Uint8Array {
  return named(sha256(clientKey, serverKey), 'session');
}

/** What messages of each direction are bound to, before there are any. */
function directionNames(session: Uint8Array): [up: Uint8Array, down: Uint8Array] {
  return [named(session, 'client chooses'), named(session, 'server chooses')];
}

/** The salt of a direction's hashes, and what its challenges are bound to. */
type Direction = { readonly salt: Uint8Array; readonly bound: SilentSession };

function directionOf(session: Uint8Array, name: Uint8Array, treesMessage: Uint8Array): Direction {
  const transcript = sha256(name, treesMessage);
  const code = named(session, 'code of silent transfers').slice(0, prgSeedBytes);
  return { salt: named(transcript, 'rows').subarray(0, saltBytes), bound: { transcript, code } };
}

/** The leaves of the other party's trees but those that Delta names. */
function punctured(
  { depth }: Source,
  name: Uint8Array,
  keys: readonly Uint8Array[],
  delta: Uint8Array,
  message: Uint8Array,
): Leaves[] {
  return punctureTrees(name, depthsOf(depth), keys, missingLeaves(delta, depth), message);
}

function named(session: Uint8Array, name: string): Uint8Array {
  return sha256(session, new TextEncoder().encode(name));
}
