import { trainingDefaults } from '../../../models/train/train-architecture.ts';

/** The settings of DeepReShape alone. */
export type DeepreshapeSettings = {
  /** Epochs of training the new network from random weights (default: 12). */
  readonly pretrainEpochs?: number;
  /** The channels of the first stage (default: as many as give about the given network's multiplications). */
  readonly baseWidth?: number;
  /**
   * How ReLUs are removed at the end: by stages as in deepreduce, or one by one as in snl (default: by stages
   * if the first stage has most of the ReLUs, else one by one; Jha, Reagen, TMLR 2024).
   */
  readonly removal?: Removal;
  /**
   * ReLU reuse with this many groups of channels: in each layer only one group keeps its ReLUs (default: no
   * reuse).
   */
  readonly reuse?: number;
};

export const deepreshapeDefaults = { pretrainEpochs: trainingDefaults.epochs } satisfies DeepreshapeSettings;

export const removals = ['coarse', 'fine'] as const;
export type Removal = (typeof removals)[number];
