import { hybrenetCounts, hybrenetName, hybrenetSizes } from './hybrenet.ts';
import type { HybrenetCounts, HybrenetOptions } from './hybrenet.ts';
import { equaliseRelus } from './relu-equalisation.ts';

export type DesignOptions = Omit<HybrenetOptions, 'multipliers' | 'blocks'> & {
  /** Basic blocks of each stage. */
  readonly blocks: readonly number[];
  /** The stage numbers (from 1), the most critical stage first. */
  readonly order: readonly number[];
  /**
   * Replaces the first multiplier of every solution; 2 gives the family for low budgets, whose first stage
   * has the most ReLUs (default: no replacement).
   */
  readonly alpha?: number;
  /** The smallest multiplier to try (default: 2). */
  readonly least?: number;
};

export type HybrenetDesign = HybrenetCounts & {
  readonly name: string;
  readonly multipliers: readonly number[];
};

/**
 * Designs DeepReShape's networks for an order of criticality: one per minimal solution, with its counts. The
 * list is empty if there is no solution.
 */
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
