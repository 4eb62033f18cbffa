import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import type { Rng } from '../../src/shared/random.ts';
import { inTurns } from '../../src/shared/turns.ts';
import { saltBytes } from '../hash.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { prgSeedBytes } from '../prg.ts';
import { loadColumns } from '../ring/columns.ts';
import type { Indices } from '../ring/silent.ts';
import { loadReceiverGroup, loadSenderGroup, sha256 } from '../platform/platform.ts';
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
import { reversedReceive, reversedSend } from './reversed.ts';
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
 * Wire: C's key; S's points; C's trees, its first rows and flips; S's trees. The key opens the base transfers
 * that S receives with its Delta behind the choices, and C's trees come over those. The first rows of that
 * direction are the base transfers of the other one, which C receives with its own Delta (reversed.ts), and
 * S's trees come over those. Rejects with ProtocolError for points that are no points, for trees that are
 * none and for rows that fail their check.
 */
export async function otClient(channel: Channel, rng: Rng, options: OtOptions = {}): Promise<OtClient> {
  const { up, down } = sourcesOf(options);
  const work = await transferWork(options);
  const group = await loadSenderGroup();
  const base = baseSenderStart(group, rng);
  await channel.send(tags.baseOtKey, step, base.key);
  const points = await channel.receive(tags.baseOtPoints, step, choiceBytes * securityBits);
  const session = sessionOf(base.key, points);
  const pairs = await inTurns(baseSenderFinishing(group, base, points, securityBits, baseName(base.key)));
  const grown = growTrees(session.up, depthsOf(up.depth), pairs, rng);
  await channel.send(tags.otTrees, step, grown.message);
  const upwards = directionOf(session, session.up, grown.message);
  const rows = choosingRows(up, upwards, grown.leaves, work);
  const delta = drawDelta(rng);
  const keys = await reversedReceive(
    channel,
    rows,
    leavingSides(delta, down.depth),
    upwards.bound.transcript,
  );
  const message = await channel.receive(tags.otTrees, step, treesBytes(depthsOf(down.depth)));
  const leaves = punctured(down, session.down, keys, delta, message);
  const downwards = directionOf(session, session.down, message);
  return {
    role: 'client',
    choosing: choosingFrom(up, upwards, rows, work),
    offering: offeringFrom(
      down,
      downwards,
      offeringRows(down, downwards, { leaves, delta }, work),
      work,
      rng,
    ),
  };
}

/** The other half of `otClient`. */
export async function otServer(channel: Channel, rng: Rng, options: OtOptions = {}): Promise<OtServer> {
  const { up, down } = sourcesOf(options);
  const work = await transferWork(options);
  const key = await channel.receive(tags.baseOtKey, step, pointBytes);
  const delta = drawDelta(rng);
  const { points, seeds } = await inTurns(
    baseReceiving(await loadReceiverGroup(), key, leavingSides(delta, up.depth), baseName(key), rng),
  );
  await channel.send(tags.baseOtPoints, step, points);
  const session = sessionOf(key, points);
  const message = await channel.receive(tags.otTrees, step, treesBytes(depthsOf(up.depth)));
  const leaves = punctured(up, session.up, seeds, delta, message);
  const upwards = directionOf(session, session.up, message);
  const rows = offeringRows(up, upwards, { leaves, delta }, work);
  const pairs = await reversedSend(channel, rows, upwards.bound.transcript);
  const grown = growTrees(session.down, depthsOf(down.depth), pairs, rng);
  await channel.send(tags.otTrees, step, grown.message);
  const downwards = directionOf(session, session.down, grown.message);
  return {
    role: 'server',
    offering: offeringFrom(up, upwards, rows, work, rng),
    choosing: choosingFrom(down, downwards, choosingRows(down, downwards, grown.leaves, work), work),
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

/** The rows of SoftSpokenOT that every direction begins with. */
function choosingRows(
  { depth }: Source,
  { salt, bound }: Direction,
  leaves: readonly Leaves[],
  { blocks, aheadBytes }: TransferWork,
): SoftSpokenChoosing {
  return new SoftSpokenChoosing(choosingSeeds(depth, leaves, bound.transcript), salt, blocks, aheadBytes);
}

function offeringRows(
  { depth }: Source,
  { salt, bound }: Direction,
  { leaves, delta }: { readonly leaves: readonly Leaves[]; readonly delta: Uint8Array },
  { blocks, aheadBytes }: TransferWork,
): SoftSpokenOffering {
  const seeds = offeringSeeds(depth, leaves, delta, bound.transcript);
  return new SoftSpokenOffering(seeds, salt, blocks, aheadBytes);
}

/** These rows, or silent transfers that begin with them. */
function choosingFrom(
  { source }: Source,
  { bound }: Direction,
  rows: SoftSpokenChoosing,
  { iterations: work, aheadBytes, indices }: TransferWork,
): ChoosingTransfers {
  if (source === 'softspoken') return rows;
  return new SilentChoosing(rows, { set: source, ...bound, work, aheadBytes, indices });
}

function offeringFrom(
  { source }: Source,
  { bound }: Direction,
  rows: SoftSpokenOffering,
  { iterations: work, aheadBytes, indices }: TransferWork,
  rng: Rng,
): OfferingTransfers {
  if (source === 'softspoken') return rows;
  return new SilentOffering(rows, { set: source, ...bound, work, aheadBytes, indices }, rng);
}

/** What the base transfers are bound to: the key is fresh in every session of a client. */
function baseName(key: Uint8Array): Uint8Array {
  return named(key, 'base transfers');
}

/** What messages of each direction are bound to, before there are any. */
type Session = { readonly id: Uint8Array; readonly up: Uint8Array; readonly down: Uint8Array };

/** The key is fresh for the client, the points are for the server, so their hash names the session. */
function sessionOf(key: Uint8Array, points: Uint8Array): Session {
  const id = named(sha256(key, points), 'session');
  return { id, up: named(id, 'client chooses'), down: named(id, 'server chooses') };
}

/** The salt of a direction's hashes, and what its challenges are bound to. */
type Direction = { readonly salt: Uint8Array; readonly bound: SilentSession };

function directionOf({ id }: Session, name: Uint8Array, treesMessage: Uint8Array): Direction {
  const transcript = sha256(name, treesMessage);
  const code = named(id, 'code of silent transfers').slice(0, prgSeedBytes);
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
