import type { Labels } from '../../data/labelled-images.ts';
import type { Model } from '../../graph.ts';
import type { Tensor } from '../../tensor.ts';
import type { TrainingState } from '../checkpoint.ts';

export type Batch = {
  /** Pixels [N, C, H, W] in [0, 1]; the engine applies the network's own preprocessing. */
  readonly images: Float32Array;
  readonly labels: Labels;
  /**
   * For mixup: each image is `share` of an image of class `labels` and the rest of one of class `partners`.
   */
  readonly mixed?: { readonly partners: Labels; readonly share: number };
  /** The teacher's logits [N, K], for distillation. */
  readonly teacher?: Float32Array;
  /** The teacher's attention maps [N, places], if the step matches maps. */
  readonly teacherMaps?: Float32Array;
  /** The weight of each image [N], if the step weights images. */
  readonly sampleWeights?: Float32Array;
  /** The step's scalars by name. */
  readonly scalars?: Readonly<Record<string, number>>;
};

export type StepResult = {
  /** The batch's mean loss, or its weighted sum if the step weights images; without penalties. */
  readonly loss: number;
  readonly correct: number;
  /** The loss of each image. */
  readonly losses: Float32Array;
  /** The penalties, and the terms of values inside the network, by name. */
  readonly penalties: Readonly<Record<string, number>>;
};

/** A network in training. It keeps parameters, running statistics and the optimiser's state between steps. */
export type Engine = {
  /** Describes in words what computes. */
  readonly runsOn: string;
  /** Runs one step. The batch must have the size that the engine was made for. */
  readonly run: (batch: Batch, learningRate: number) => Promise<StepResult>;
  /**
   * Copies the result of a step from the device. After a step, `state`, `model`, `write` and `fingerprint`
   * need it.
   */
  readonly download: () => Promise<void>;
  /** A copy of the current parameters, statistics and optimiser state. */
  readonly state: () => TrainingState;
  /** Continues from a state that `state` returned. */
  readonly restore: (state: TrainingState) => void;
  /** Sets trained weights. Throws RangeError for a weight that is not trained or has another size. */
  readonly write: (weights: ReadonlyMap<string, Tensor>) => void;
  /** The network with the weights of a state (default: the current one). */
  readonly model: (state?: TrainingState) => Model;
  /** A hash of the step and of its initial weights. */
  readonly fingerprint: () => string;
  readonly release: () => Promise<void>;
};
