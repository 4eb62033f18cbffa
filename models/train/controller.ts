import type { EpochEntry, Json } from './checkpoint.ts';
import type { Uniform } from '../data/seeded.ts';
import type { Model } from '../graph.ts';
import type { Tensor } from '../tensor.ts';
import type { StepResult } from './engines/engine.ts';

export type { Json };

/** Gives weights to replace trained ones, from the network after a step. */
export type Rewrite = (model: Model) => ReadonlyMap<string, Tensor> | Promise<ReadonlyMap<string, Tensor>>;

/**
 * Steers a training from outside its step: it gives numbers to the step and learns from the results. Examples
 * are the multipliers of constraints and the weight of a penalty. Its state is saved in checkpoints, so it
 * must hold all that later numbers depend on.
 */
export type Controller = {
  /**
   * The rows of an epoch in order, as many as the training set has (default: each row once, in random order).
   */
  readonly rows?: (uniform: Uniform) => Uint32Array;
  /** The values of the step's `scalars`. */
  readonly scalars?: () => Readonly<Record<string, number>>;
  /** The weight of each image's loss [N]; `rows` are the images' numbers in the training set. */
  readonly sampleWeights?: (rows: Uint32Array) => Float32Array;
  readonly afterStep?: (rows: Uint32Array, result: StepResult) => void;
  /**
   * Called after each step. Returns a function that gives weights to replace the trained ones, or undefined.
   * Only for that function the weights are copied from the device.
   */
  readonly rewrite?: () => Rewrite | undefined;
  /** Called after each epoch; 'stop' ends the training. */
  readonly afterEpoch?: (entry: EpochEntry, model: Model) => 'stop' | 'go on';
  readonly state: () => Json;
  readonly restore: (state: Json) => void;
};
