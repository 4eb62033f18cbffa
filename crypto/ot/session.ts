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
import { SilentChoosing, SilentOffering } from './silent-transfers.ts';
import { silentTools, silentWork } from './silent-work.ts';
import type { SilentSet } from './silent-sets.ts';
import type { SilentSession } from './silent.ts';
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
type Direction = 'client chooses' | 'server chooses';

/**
 * Wire: C's key; S's key, S's points; C's points, C's trees; S's trees. Each key opens the base transfers
 * that the other party receives, with its own Delta behind the choices; the trees come over those transfers.
 * Rejects with ProtocolError for points that are no points and for trees that are none.
 */
export async function otClient(
  channel: Channel,
  rng: Rng,
  { depth = defaultDepth, pool, sources = softSpokenOnly }: OtOptions = {},
): Promise<OtClient> {
  const work = blockWork(await loadColumns(), pool);
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
  const chooses = directionOf(session, 'client chooses', grown.message);
  const message = await channel.receive(tags.otTrees, step, treesBytes(depthsOf(depth)));
  const offers = directionOf(session, 'server chooses', message);
  const missing = missingLeaves(delta, depth);
  const punctured = punctureTrees(depthsOf(depth), received.seeds, missing, message);
  const choosing = new SoftSpokenChoosing(
    choosingSeeds(depth, grown.leaves, chooses.transcript),
    chooses.salt,
    work,
  );
  const offering = new SoftSpokenOffering(
    offeringSeeds(depth, punctured, delta, offers.transcript),
    offers.salt,
    work,
  );
  const code = named(session, 'code of silent transfers').slice(0, prgSeedBytes);
  return {
    role: 'client',
    choosing: await choosingFrom(sources.up, choosing, { transcript: chooses.transcript, code }, pool),
    offering: await offeringFrom(sources.down, offering, { transcript: offers.transcript, code }, rng, pool),
  };
}

/** The other half of `otClient`. */
export async function otServer(
  channel: Channel,
  rng: Rng,
  { depth = defaultDepth, pool, sources = softSpokenOnly }: OtOptions = {},
): Promise<OtServer> {
  const work = blockWork(await loadColumns(), pool);
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
  const offers = directionOf(session, 'client chooses', message);
  const missing = missingLeaves(delta, depth);
  const punctured = punctureTrees(depthsOf(depth), received.seeds, missing, message);
  await channel.send(tags.otTrees, step, grown.message);
  const chooses = directionOf(session, 'server chooses', grown.message);
  const offering = new SoftSpokenOffering(
    offeringSeeds(depth, punctured, delta, offers.transcript),
    offers.salt,
    work,
  );
  const choosing = new SoftSpokenChoosing(
    choosingSeeds(depth, grown.leaves, chooses.transcript),
    chooses.salt,
    work,
  );
  const code = named(session, 'code of silent transfers').slice(0, prgSeedBytes);
  return {
    role: 'server',
    offering: await offeringFrom(sources.up, offering, { transcript: offers.transcript, code }, rng, pool),
    choosing: await choosingFrom(sources.down, choosing, { transcript: chooses.transcript, code }, pool),
  };
}

/** `base` itself, or silent transfers that begin with its rows. */
async function choosingFrom(
  source: TransferSource,
  base: ChoosingTransfers,
  bound: SilentSession,
  pool: WorkerPool | undefined,
): Promise<ChoosingTransfers> {
  if (source === 'softspoken') return base;
  const work = silentWork(await silentTools(), pool);
  return new SilentChoosing(base, { set: source, ...bound, work });
}

async function offeringFrom(
  source: TransferSource,
  base: OfferingTransfers,
  bound: SilentSession,
  rng: Rng,
  pool: WorkerPool | undefined,
): Promise<OfferingTransfers> {
  if (source === 'softspoken') return base;
  const work = silentWork(await silentTools(), pool);
  return new SilentOffering(base, { set: source, ...bound, work }, rng);
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
