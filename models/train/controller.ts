import type { EpochEntry, Json } from './checkpoint.ts';
import type { Uniform } from '../data/seeded.ts';
import type { Model } from '../graph.ts';
import type { Tensor } from '../tensor.ts';
import type { StepResult } from './engines/engine.ts';

export type { Json };

/**
 * What steers a training from outside its step: it gives the step numbers and learns from the results, such as multipliers of
 * constraints or the weight of a penalty. Its state is part of a checkpoint: it must hold all that later numbers depend on.
 */
export type Controller = {
  /** The rows of an epoch, in order, as many as the training set has; each once, in random order, where left out. */
  readonly rows?: (uniform: Uniform) => Uint32Array;
  /** The step's `scalars`. */
  readonly scalars?: () => Readonly<Record<string, number>>;
  /** The loss's weight of each image of the batch [N]; `rows` are their numbers in the training set. */
  readonly sampleWeights?: (rows: Uint32Array) => Float32Array;
  readonly afterStep?: (rows: Uint32Array, result: StepResult) => void;
  /**
   * Called after each step: weights to set in place of the trained ones, undefined for none. `model` copies all weights and running
   * statistics.
   */
  readonly rewrite?: (model: () => Model) => ReadonlyMap<string, Tensor> | undefined;
  /** Called when the epoch is over; 'stop' makes it the last one. */
  readonly afterEpoch?: (entry: EpochEntry, model: Model) => 'stop' | 'go on';
  readonly state: () => Json;
  readonly restore: (state: Json) => void;
};
