import type { Model } from '../../graph.ts';
import type { Tensor } from '../../tensor.ts';
import type { TrainingState } from '../checkpoint.ts';
import type { Batch, StepResult } from '../engine.ts';

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
