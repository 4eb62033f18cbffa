import type { Replacement } from '../../models/graph.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { parseBudget } from '../cost/budget.ts';
import { jobId, originalMethod } from './job.ts';
import type { JobSpec } from './job.ts';
import { distinct } from './series.ts';
import type { Series } from './series.ts';

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
} as const;

/** A sweep as the command line gives it. */
export type Grid = Omit<JobSpec, keyof Series | 'budget' | 'seed'> & {
  readonly methods: readonly Series[];
  /** Of the methods that name none themselves. */
  readonly replace: Replacement | null;
  readonly budgets: readonly string[];
  /** Seeds 1 to this. */
  readonly seeds: number;
};

/**
 * Every job of a grid once, the original first, then seed by seed: a sweep that is cut short has all budgets once. Budgets in seconds or
 * bytes are for hybrid alone; throws UsageError for one where hybrid is not in the grid, and for epochs of deepreshape without it.
 */
export function jobsOf({ methods, budgets, seeds, replace, pretrainEpochs, ...rest }: Grid): JobSpec[] {
  if (pretrainEpochs !== null && methods.every(({ method }) => method !== 'deepreshape'))
    throw new UsageError('--pretrain-epochs: is of deepreshape, and --methods has none');
  const seedList = Array.from({ length: seeds }, (_, i) => i + 1);
  const reduced = seedList.flatMap((seed) =>
    budgets.flatMap((budget) =>
      methodsFor(budget, methods).map((series) => ({
        ...rest,
        ...series,
        replace: series.replace ?? replace,
        pretrainEpochs: series.method === 'deepreshape' ? pretrainEpochs : null,
        ...{ budget, seed },
      })),
    ),
  );
  const specs = [{ ...rest, ...original }, ...reduced];
  return [...new Map(specs.map((spec) => [jobId(spec), spec])).values()];
}

function methodsFor(budget: string, methods: readonly Series[]): readonly Series[] {
  if (typeof parseBudget(budget) === 'number') return methods;
  const able = methods.filter(({ method }) => method === 'hybrid');
  if (able.length > 0) return able;
  throw new UsageError(`--budgets: '${budget}' is not a number of ReLUs, and --methods has no hybrid`);
}

/** '0.5,0.250' as ['0.5', '0.25']; costs such as 0.3s@wan stay as they are. Throws UsageError for what is no budget. */
export function budgetTexts(text: string): string[] {
  const budgets = distinct(text).map((word) => {
    const budget = parseBudget(word);
    return typeof budget === 'number' ? String(budget) : word;
  });
  return [...new Set(budgets)];
}
