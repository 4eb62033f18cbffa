import { hybrenetCounts, hybrenetName, hybrenetSizes } from './hybrenet.ts';
import type { HybrenetCounts, HybrenetOptions } from './hybrenet.ts';
import { equaliseRelus } from './relu-equalisation.ts';

export type DesignOptions = Omit<HybrenetOptions, 'multipliers' | 'blocks'> & {
  /** Basic blocks of each stage. */
  readonly blocks: readonly number[];
  /** Numbers of the stages from 1, most critical first. */
  readonly order: readonly number[];
  /** In place of every solution's first multiplier: 2 gives the family for low budgets, whose first stage has most ReLUs. */
  readonly alpha?: number;
  /** No multiplier below this one; 2 where left out. */
  readonly least?: number;
};

export type HybrenetDesign = HybrenetCounts & {
  readonly name: string;
  readonly multipliers: readonly number[];
};

/** DeepReShape's networks for an order of criticality: every minimal solution, with its counts. Empty where there is none. */
export function designHybrenets({ order, alpha, least = 2, ...options }: DesignOptions): HybrenetDesign[] {
  const { blocks } = options;
  const places = hybrenetSizes({ ...options, stages: blocks.length }).map((size) => size ** 2);
  const solutions = equaliseRelus({ blocks, places, order, least });
  const chosen = solutions.map((solution) =>
    solution.map((a, i) => (i === 0 && alpha !== undefined ? alpha : a)),
  );
  const unique = [...new Map(chosen.map((multipliers) => [multipliers.join(), multipliers])).values()];
  return unique.map((multipliers) => ({
    name: hybrenetName(multipliers),
    multipliers,
    ...hybrenetCounts({ ...options, multipliers }),
  }));
}
