import type { Model } from '../../graph.ts';
import type { Tensor } from '../../tensor.ts';
import type { TrainingState } from '../checkpoint.ts';

export type Batch = {
  /** N x C x H x W */
  readonly images: Float32Array;
  readonly labels: Uint8Array;
  /** Where the step mixes: each image is `share` of itself, of class `labels`, and the rest of one of class `partners`. */
  readonly mixed?: { readonly partners: Uint8Array; readonly share: number };
  /** N x K, where the step distills. */
  readonly teacher?: Float32Array;
  /** N, where the step weights images. */
  readonly sampleWeights?: Float32Array;
  /** The step's scalars by name. */
  readonly scalars?: Readonly<Record<string, number>>;
};

export type StepResult = {
  /** The batch's mean, or its weighted sum where the step weights images; without penalties. */
  readonly loss: number;
  readonly correct: number;
  /** Of each image. */
  readonly losses: Float32Array;
  /** By name. */
  readonly penalties: Readonly<Record<string, number>>;
};

/** A network in training. It holds parameters, running statistics and optimiser state between steps. */
export type Engine = {
  /** What computes, in words. */
  readonly runsOn: string;
  /** One step. The batch must have the size the engine was made for. */
  readonly run: (batch: Batch, learningRate: number) => Promise<StepResult>;
  /** Brings what a step has left on a device: `state`, `model`, `write` and `fingerprint` need it after one. */
  readonly download: () => Promise<void>;
  /** Parameters, statistics and optimiser state as they are now, copied. */
  readonly state: () => TrainingState;
  /** Goes on from a state that `state` gave. */
  readonly restore: (state: TrainingState) => void;
  /** Sets trained weights. Throws RangeError for one that is not trained or of another size. */
  readonly write: (weights: ReadonlyMap<string, Tensor>) => void;
  /** The network with the weights of a state, by default as they are now. */
  readonly model: (state?: TrainingState) => Model;
  /** A hash of the step and of the weights it starts from. */
  readonly fingerprint: () => string;
  readonly release: () => Promise<void>;
};
