import type { OutsideRange } from '../../pipelines/inference/encoding.ts';
import type { PhaseCost } from '../net/session.ts';
import type { OnProgress } from '../shared/progress.ts';

export type InferenceResult = {
  /** The index of the largest logit. */
  readonly label: number;
  /** Missing if the plan's answer is the label alone. */
  readonly logits?: Float32Array;
  /**
   * The outputs of a network that ends in softmax, log softmax or sigmoid, from the logits. Missing if it
   * ends with the logits.
   */
  readonly outputs?: Float32Array;
  readonly offline: PhaseCost;
  /**
   * `rounds` counts the turns of the client that the server waits for and answers: the input, and one per
   * activation layer.
   */
  readonly online: PhaseCost & { readonly rounds: number };
  /**
   * The image's values outside the range of the images that calibrated the plan; the answer may be wrong
   * where there are any. Only the client knows.
   */
  readonly outsideRange?: OutsideRange;
};

/** The options of `inferAll`. */
export type BatchOptions = {
  /**
   * Called with each answer as soon as it is there, with the number of its image; so what was answered is
   * known.
   */
  readonly onAnswer?: (result: InferenceResult, index: number) => void;
  readonly onProgress?: OnProgress;
};
