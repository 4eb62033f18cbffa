import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { hashDataset } from '../../../models/data/dataset.ts';
import type { Model } from '../../../models/graph.ts';
import { writeModel } from '../../../models/files/write.ts';
import type { FitOptions, TrainingRecord } from '../../../models/train/fit.ts';
import type { OnProgress } from '../../../src/shared/progress.ts';

/** A network that DeepReShape wants trained, with all its ReLUs. */
export type WantedBase = {
  /** See `baseKey`. */
  readonly key: string;
  /** With files of the store's own, in place of those where the reduction keeps its trainings. */
  readonly train: (files: TrainingRecord) => Promise<Model>;
  readonly onProgress: OnProgress;
};

/** Where trained networks are kept: for another budget the same one is wanted, and training it is most of the work. */
export type Bases = {
  /** The same weights, bit for bit, whether it was there or is trained now. */
  readonly obtain: (wanted: WantedBase) => Promise<Model>;
};

/** For the budgets of one process. */
export function basesInMemory(): Bases {
  const known = new Map<string, Promise<Model>>();
  return {
    async obtain({ key, train }) {
      const model = known.get(key) ?? train({});
      known.set(key, model);
      try {
        return await model;
      } catch (error) {
        known.delete(key);
        throw error;
      }
    },
  };
}

/** 32 hex digits of all that the trained network depends on, down to the number of threads: `fit` is told no more than this. */
export function baseKey(
  untrained: Model,
  teacher: Model,
  { train, validation, threads = availableParallelism(), ...told }: Omit<FitOptions, 'teacher'>,
): string {
  const hash = createHash('sha256').update(JSON.stringify({ ...told, threads }));
  for (const model of [untrained, teacher]) hash.update(writeModel(model));
  for (const dataset of [train, validation]) hashDataset(hash, dataset);
  return hash.digest('hex').slice(0, 32);
}
