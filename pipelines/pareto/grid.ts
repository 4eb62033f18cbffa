import type { Replacement } from '../../models/graph.ts';
import { parseBudget } from '../cost/budget.ts';
import type { MethodName } from '../reduce/methods.ts';
import { checkTaken, givenIn, takes } from '../reduce/options.ts';
import type { GivenOptions } from '../reduce/options.ts';
import { jobId, originalMethod } from './job.ts';
import type { JobSpec } from './job.ts';
import { distinct } from './series.ts';
import type { MethodSeries, Series } from './series.ts';

const original = {
  method: originalMethod,
  circa: null,
  budget: '1',
  seed: 1,
  epochs: 0,
  searchEpochs: null,
  replace: null,
  granularity: null,
  pretrainEpochs: null,
  ranking: null,
  featureLoss: null,
  rangeLoss: null,
} as const;

/** A sweep as the command line describes it. */
export type Grid = Omit<JobSpec, keyof Series | 'budget' | 'seed'> & {
  readonly methods: readonly MethodSeries[];
  /**
   * What takes a ReLU's place in the methods that do not name a replacement themselves; null for the method's
   * own.
   */
  readonly replace: Replacement | null;
  /**
   * The agreement of the original and of the methods that do not name one themselves; null for the compiler's
   * bits.
   */
  readonly agreement: number | null;
  readonly budgets: readonly string[];
  /** The number of seeds. Seeds run from 1 to this number. */
  readonly seeds: number;
};

/**
 * The jobs of a grid, each once. The original comes first, then all budgets of seed 1, of seed 2 and so on,
 * so that a sweep that is cut short has every budget at least once. A budget or an option goes to those of
 * the methods that take it. Throws UsageError for one that none of them takes.
 */
export function jobsOf(grid: Grid): JobSpec[] {
  const { methods, budgets, seeds, replace, pretrainEpochs, agreement, ...rest } = grid;
  const given = { replace, pretrainEpochs, searchEpochs: rest.searchEpochs };
  checkTaken(namesOf(methods), withoutNulls(given));
  const seedList = Array.from({ length: seeds }, (_, i) => i + 1);
  const reduced = seedList.flatMap((seed) =>
    budgets.flatMap((budget) =>
      methodsFor(budget, methods).map((series) => ({
        ...rest,
        ...series,
        replace: series.replace ?? replace,
        agreement: series.agreement ?? agreement,
        pretrainEpochs: takes(series.method, 'pretrainEpochs') ? pretrainEpochs : null,
        ...{ budget, seed },
      })),
    ),
  );
  const specs = [{ ...rest, ...original, agreement }, ...reduced];
  return [...new Map(specs.map((spec) => [jobId(spec), spec])).values()];
}

function methodsFor(budget: string, methods: readonly MethodSeries[]): readonly MethodSeries[] {
  const given = givenIn({ budget: parseBudget(budget) });
  checkTaken(namesOf(methods), given);
  return given.costBudget === undefined
    ? methods
    : methods.filter(({ method }) => takes(method, 'costBudget'));
}

function namesOf(methods: readonly MethodSeries[]): MethodName[] {
  return [...new Set(methods.map(({ method }) => method))];
}

function withoutNulls(options: GivenOptions): GivenOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null));
}

/**
 * Reads budgets separated by commas and writes them in one form: '0.5,0.250' gives ['0.5', '0.25']. Costs
 * such as 0.3s@wan stay as they are. Throws UsageError for a text that is not a budget.
 */
export function budgetTexts(text: string): string[] {
  const budgets = distinct(text).map((word) => {
    const budget = parseBudget(word);
    return typeof budget === 'number' ? String(budget) : word;
  });
  return [...new Set(budgets)];
}
