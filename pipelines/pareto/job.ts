import { createHash } from 'node:crypto';
import type { Replacement } from '../../models/graph.ts';
import type { Granularity } from '../reduce/gates/layer-states.ts';
import type { MethodName } from '../reduce/methods.ts';
import { takenBy } from '../reduce/options.ts';

/** The network as it came: the point at all ReLUs. */
export const originalMethod = 'original';

/** How far the search of sign-test windows may go, on images held out of the training images. */
export type CircaSetting = {
  /** Accuracy that may be lost on the search images, as a fraction; the name is part of jobs' ids. */
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

/** What a job tells its method: of a sweep's settings those that are given and that the method takes. */
export function methodSettings(method: MethodName, spec: JobSpec): Settings {
  const { replace, granularity, searchEpochs, pretrainEpochs } = spec;
  const told = takenBy(method, { replace, granularity, searchEpochs, pretrainEpochs });
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null));
}

type Settings = {
  readonly [K in 'replace' | 'granularity' | 'searchEpochs' | 'pretrainEpochs']?: NonNullable<JobSpec[K]>;
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
