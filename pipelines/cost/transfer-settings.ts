import { defaultDepth, depthsOf } from '../../crypto/ot/blocks.ts';
import { sessionSources } from '../../crypto/ot/session.ts';
import type { SessionSource } from '../../crypto/ot/session.ts';
import { layerTransfers, transferCounts } from '../inference/layer-transfers.ts';
import type { TransferMode } from '../inference/layer-transfers.ts';
import type { PartyTransfers } from '../inference/parties.ts';
import type { Plan } from '../plan/plan.ts';
import { transferCosts } from './default-machine.ts';
import { firstBytes, firstSeconds, relativeWork } from './drawing.ts';
import { profiles } from './profiles.ts';
import type { NetworkProfile } from './profiles.ts';

/** How a session draws its transfers. The client decides it, and names it when it accepts the plan. */
export type TransferSettings = Required<PartyTransfers>;

/** What a client says of its transfers. */
export type TransferWish = {
  /** Default: auto. */
  readonly mode?: TransferMode | undefined;
  /** The network between the parties (default: `usualNetwork`). */
  readonly profile?: NetworkProfile | undefined;
  /** Of the trees of SoftSpokenOT (default: what suits the network). */
  readonly depth?: number | undefined;
};

/** The network of a session of which nobody says what it is. */
export const usualNetwork: NetworkProfile = profiles.lan;

/** The settings of a session. */
export function settingsFor(plan: Plan, wish: TransferWish = {}): TransferSettings {
  return settingsOf(transferCounts(layerTransfers(plan)), wish);
}

/** See `choicesOf`. */
export function choicesFor(plan: Plan, wish: TransferWish = {}): Record<'up' | 'down', TransferChoice> {
  return choicesOf(transferCounts(layerTransfers(plan)), wish);
}

type Counts = { readonly up: number; readonly down: number };

/** The same for so many transfers of an inference. */
export function settingsOf(counts: Counts, wish: TransferWish = {}): TransferSettings {
  const { profile = usualNetwork, depth = depthFor(profile) } = wish;
  const { up, down } = choicesOf(counts, wish);
  return { depth, sources: { up: up.source, down: down.source } };
}

export type TransferChoice = {
  /** Transfers of an inference. */
  readonly count: number;
  readonly source: SessionSource;
  /** By source, what `auto` compares: predicted seconds of a session of `weighedInferences`. */
  readonly seconds: Readonly<Record<SessionSource, number>>;
};

/**
 * The inferences of a session that `auto` counts with. Silent transfers begin with a set-up, which pays only
 * over several.
 */
export const weighedInferences = 10;

/**
 * What the transfers of each direction come from, and why: `auto` takes what is done first, both parties and
 * the wire one after the other. It counts with the default machine, so that `plan` says what clients do.
 */
export function choicesOf(counts: Counts, wish: TransferWish = {}): Record<'up' | 'down', TransferChoice> {
  const { mode = 'auto', profile = usualNetwork, depth = depthFor(profile) } = wish;
  const of = (count: number): TransferChoice => {
    const secondsOf = (source: SessionSource) =>
      secondsInTurn(weighedInferences * count, { source, depth }, profile);
    const seconds = Object.fromEntries(sessionSources.map((source) => [source, secondsOf(source)]));
    return { count, source: sourceOf(mode, seconds as TransferChoice['seconds']), seconds } as TransferChoice;
  };
  return { up: of(counts.up), down: of(counts.down) };
}

function sourceOf(mode: TransferMode, { softspoken, s16 }: TransferChoice['seconds']): SessionSource {
  if (mode === 'softspoken') return 'softspoken';
  return mode === 'silent' || s16 < softspoken ? 's16' : 'softspoken';
}

function secondsInTurn(
  count: number,
  drawing: { source: SessionSource; depth: number },
  { bitsPerSecond }: NetworkProfile,
): number {
  const { chooser, offerer } = firstSeconds(count, drawing, transferCosts);
  const { fromChooser, fromOfferer } = firstBytes(count, drawing);
  return chooser + offerer + (8 * (fromChooser + fromOfferer)) / bitsPerSecond;
}

/**
 * The depth for a network: one more than the default where the time on the wire that this saves, 6 bits a
 * transfer, is longer than the time that it takes both parties; 4 is best down to 333 Mbit/s. Still deeper
 * trees save as much on the WAN as they take, and less deep ones send more on every network.
 */
export function depthFor({ bitsPerSecond }: NetworkProfile): number {
  const deeper = defaultDepth + 1;
  const savedBits = depthsOf(defaultDepth).length - depthsOf(deeper).length;
  const { chooser, offerer } = transferCosts.softspoken;
  const added = (chooser + offerer) * (relativeWork(deeper) - 1);
  return savedBits / bitsPerSecond > added ? deeper : defaultDepth;
}
