import { createHash } from 'node:crypto';
import type { Replacement } from '../../models/graph.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { parseBudget } from '../budget.ts';
import { methodNames } from '../methods.ts';
import type { MethodName } from '../methods.ts';

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
};

/** One column of a table: what a point is called whatever its budget and seed. */
export type Series = Pick<JobSpec, 'method' | 'circa'>;

/** 16 hex digits; the same for the same work, whenever and wherever it is asked for. */
export function jobId(spec: JobSpec): string {
  const { networkHash, data, dataHash, method, circa, budget, seed, epochs, searchEpochs, replace } = spec;
  const work = [method, circa, budget, seed, epochs, searchEpochs, replace];
  const identity = [networkHash, data, dataHash, ...work];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16);
}

/** 'snl', 'snl+circa' */
export function seriesName({ method, circa }: Series): string {
  return circa === null ? method : `${method}+circa`;
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
} as const;

/** A sweep as the command line gives it. */
export type Grid = Omit<JobSpec, 'method' | 'circa' | 'budget' | 'seed'> & {
  readonly methods: readonly Series[];
  readonly budgets: readonly string[];
  /** Seeds 1 to this. */
  readonly seeds: number;
};

/**
 * Every job of a grid, the original first, then seed by seed: a sweep that is cut short has all budgets once. Budgets in seconds or bytes
 * are for hybrid alone; throws UsageError for one where hybrid is not in the grid.
 */
export function jobsOf({ methods, budgets, seeds, ...rest }: Grid): JobSpec[] {
  const seedList = Array.from({ length: seeds }, (_, i) => i + 1);
  const reduced = seedList.flatMap((seed) =>
    budgets.flatMap((budget) =>
      methodsFor(budget, methods).map((series) => ({ ...rest, ...series, budget, seed })),
    ),
  );
  return [{ ...rest, ...original }, ...reduced];
}

function methodsFor(budget: string, methods: readonly Series[]): readonly Series[] {
  if (typeof parseBudget(budget) === 'number') return methods;
  const able = methods.filter(({ method }) => method === 'hybrid');
  if (able.length > 0) return able;
  throw new UsageError(`--budgets: '${budget}' is not a number of ReLUs, and --methods has no hybrid`);
}

/** 'deepreduce,snl+circa' as a list. Throws UsageError for a name that is no method. */
export function parseMethods(text: string, circa: CircaSetting): Series[] {
  return distinct(text).map((word) => {
    const [name = '', addition] = word.split('+');
    const method = methodNames.find((known) => known === name);
    if (
      method === undefined ||
      (addition !== undefined && addition !== 'circa') ||
      word.split('+').length > 2
    )
      throw new UsageError(
        `--methods: '${word}' is not known; there are ${methodNames.join(', ')}, each with or without +circa`,
      );
    return { method, circa: addition === undefined ? null : circa };
  });
}

/** '0.5,0.250' as ['0.5', '0.25']; costs such as 0.3s@wan stay as they are. Throws UsageError for what is no budget. */
export function parseBudgets(text: string): string[] {
  const budgets = distinct(text).map((word) => {
    const budget = parseBudget(word);
    return typeof budget === 'number' ? String(budget) : word;
  });
  return [...new Set(budgets)];
}

/** Words between commas, each once. */
function distinct(text: string): string[] {
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  if (words.length === 0)
    throw new UsageError(`expected names or numbers with commas between, got '${text}'`);
  return [...new Set(words)];
}
