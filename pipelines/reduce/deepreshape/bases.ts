import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { hashDataset } from '../../../models/data/hash-dataset.ts';
import type { Model } from '../../../models/graph.ts';
import { writeModel } from '../../../models/files/write.ts';
import type { FitOptions, TrainingRecord } from '../../../models/train/fit.ts';
import type { OnProgress } from '../../../src/shared/progress.ts';

/** A trained network, with all its ReLUs, that DeepReShape asks for. */
export type WantedBase = {
  /** The key under which the network is kept; see `baseKey`. */
  readonly key: string;
  /** Trains the network. The store gives its own files for the training's state. */
  readonly train: (files: TrainingRecord) => Promise<Model>;
  readonly onProgress: OnProgress;
};

/** A store of trained networks. Other budgets need the same network, and training it is most of the work. */
export type Bases = {
  /** Gives the network. Its weights are the same, bit for bit, whether it was stored or is trained now. */
  readonly obtain: (wanted: WantedBase) => Promise<Model>;
};

/** A store for the budgets of one process. */
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

/**
 * The key of a network: 32 hex digits of a hash of everything on which its training depends, including the
 * number of threads. `fit` is told nothing else.
 */
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
