import type { PhaseCost } from '../../net/session.ts';
import * as format from '../../shared/format.ts';

/** The totals of a phase, without its steps. */
export type PhaseTotals = Pick<PhaseCost, 'seconds' | 'bytes_up' | 'bytes_down'>;

export function phaseTotals({ seconds, bytes_up, bytes_down }: PhaseTotals): PhaseTotals {
  return { seconds, bytes_up, bytes_down };
}

/** '2.6 s, 19.4 MB up, 30.7 MB down' */
export function phaseLine({ seconds, bytes_up, bytes_down }: PhaseTotals): string {
  return `${format.duration(seconds)}, ${bytesLine({ bytes_up, bytes_down })}`;
}

export function bytesLine({ bytes_up, bytes_down }: Omit<PhaseTotals, 'seconds'>): string {
  return `${format.bytes(bytes_up)} up, ${format.bytes(bytes_down)} down`;
}
