import { createHash } from 'node:crypto';
import type { Replacement } from '../../models/graph.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { parseBudget } from '../budget.ts';
import type { Granularity } from '../masks/start.ts';
import type { MethodName } from '../methods.ts';
import { distinct, seriesName } from './series.ts';
import type { Series } from './series.ts';

/** The network as it came: the point at all ReLUs. */
export const originalMethod = 'original';

/** How far the search of sign-test windows may go, on images held out of the training images. */
export type CircaSetting = {
  /** Accuracy that may be lost on the search images, as a fraction. */
  readonly tolerance: number;
  readonly searchImages: number;
};

/** What one point of the front is made from. Everything but `network`, a mere name, is part of its identity. */
export type JobSpec = {
  /** As on the command line. */
  readonly network: string;
  /** SHA-256 of its .onnx file, hex. */
  readonly networkHash: string;
  readonly data: string;
  /** SHA-256 of images and labels, hex: another machine's data of that name must be the same. */
  readonly dataHash: string;
  readonly method: MethodName | typeof originalMethod;
  readonly circa: CircaSetting | null;
  /** A share or count of ReLUs, or what else the method takes, as text. */
  readonly budget: string;
  readonly seed: number;
  readonly epochs: number;
  /** Of learning which ReLUs to keep; null: as many as of fine-tuning. */
  readonly searchEpochs: number | null;
  /** What stands where a ReLU was; null: what the method does by itself. */
  readonly replace: Replacement | null;
  /** Whether ReLUs go one by one or by channels; null: what the method does by itself. */
  readonly granularity: Granularity | null;
  /** Of deepreshape's network, before its ReLUs go; null: what the method does by itself. */
  readonly pretrainEpochs: number | null;
};

/**
 * 16 hex digits; the same for the same work, whenever and wherever it is asked for. What came after the first stores counts where it is
 * given, so that their jobs keep their ids.
 */
export function jobId(spec: JobSpec): string {
  const { networkHash, data, dataHash, method, circa, budget, seed, epochs, searchEpochs, replace } = spec;
  const { granularity, pretrainEpochs } = spec;
  const work = [method, circa, budget, seed, epochs, searchEpochs, replace];
  const later = {
    ...(granularity !== null && { granularity }),
    ...(pretrainEpochs !== null && { pretrainEpochs }),
  };
  const given = Object.keys(later).length === 0 ? [] : [later];
  const identity = [networkHash, data, dataHash, ...work, ...given];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16);
}

/** 'snl 0.25 seed 2' */
export function describeJob(spec: JobSpec): string {
  return spec.method === originalMethod
    ? spec.method
    : `${seriesName(spec)} ${spec.budget} seed ${spec.seed}`;
}

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
export function parseBudgets(text: string): string[] {
  const budgets = distinct(text).map((word) => {
    const budget = parseBudget(word);
    return typeof budget === 'number' ? String(budget) : word;
  });
  return [...new Set(budgets)];
}
