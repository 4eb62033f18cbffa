import { blockBytes, blocksOf, defaultDepth } from '../../crypto/ot/blocks.ts';
import { carriedBy, checkBytes, correctionsOf, givenBy, iterationsOf } from '../../crypto/ot/silent-sets.ts';
import { treeDepth } from '../../crypto/ot/session.ts';
import type { TransferSource } from '../../crypto/ot/session.ts';
import { frames } from './frames.ts';
import type { MachineCosts } from './machine.ts';

/** What the transfers of a direction come from, and the depth of the trees of SoftSpokenOT. */
export type Drawing = { readonly source: TransferSource; readonly depth: number };

export type DirectionBytes = { readonly fromChooser: number; readonly fromOfferer: number };
export type DirectionSeconds = { readonly chooser: number; readonly offerer: number };

/** The bytes of the messages that draw a session's first `count` transfers in a direction. */
export function firstBytes(count: number, { source, depth }: Drawing): DirectionBytes {
  if (source === 'softspoken') {
    return { fromChooser: frames(...transferFrames(count, depth)), fromOfferer: 0 };
  }
  const iterations = iterationsOf(source, count);
  if (iterations === 0) return { fromChooser: 0, fromOfferer: 0 };
  const { masked, proof } = checkBytes(iterations);
  return {
    fromChooser: frames(...transferFrames(carriedBy(source), treeDepth(source, depth)), masked),
    fromOfferer: frames(...new Array<number>(iterations).fill(correctionsOf(source)), proof),
  };
}

/** The same on average, when the transfers that are left over serve the next inference. */
export function meanBytes(count: number, drawing: Drawing): DirectionBytes {
  const { source } = drawing;
  if (source === 'softspoken') return firstBytes(count, drawing);
  return { fromChooser: 0, fromOfferer: Math.round((count * correctionsOf(source)) / givenBy(source)) };
}

/** Payloads of the messages that draw `count` transfers of SoftSpokenOT. */
export function transferFrames(count: number, depth: number): number[] {
  return blocksOf(count).map((rows) => blockBytes(rows, depth));
}

/**
 * Nanoseconds of the processor that a party draws or checks a transfer of SoftSpokenOT in, by the depth of
 * the trees (AMD EPYC with AVX-512, blocks of 2^18 rows, best of 25).
 */
const drawing = [NaN, 24, 20, 21, 25, 34, 57, 121, 205] as const;

/** The time of a transfer of SoftSpokenOT, as a multiple of that at the default depth. */
export function relativeWork(depth: number): number {
  return drawing[depth]! / drawing[defaultDepth];
}

/** The processor seconds that draw a session's first `count` transfers in a direction. */
export function firstSeconds(
  count: number,
  { source, depth }: Drawing,
  { softspoken, silent }: MachineCosts['transfers'],
): DirectionSeconds {
  if (source === 'softspoken') return times(softspoken, count * relativeWork(depth));
  const iterations = iterationsOf(source, count);
  if (iterations === 0) return { chooser: 0, offerer: 0 };
  const setUp = times(softspoken, carriedBy(source) * relativeWork(treeDepth(source, depth)));
  const rows = times(silent, iterations * givenBy(source));
  return { chooser: setUp.chooser + rows.chooser, offerer: setUp.offerer + rows.offerer };
}

/** The same on average, when the transfers that are left over serve the next inference. */
export function meanSeconds(
  count: number,
  drawing: Drawing,
  costs: MachineCosts['transfers'],
): DirectionSeconds {
  if (drawing.source === 'softspoken') return firstSeconds(count, drawing, costs);
  return times(costs.silent, count);
}

function times({ chooser, offerer }: DirectionSeconds, count: number): DirectionSeconds {
  return { chooser: count * chooser, offerer: count * offerer };
}
