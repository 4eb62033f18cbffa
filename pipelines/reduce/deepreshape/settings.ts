import { trainingDefaults } from '../../../models/train/train-architecture.ts';

/** What DeepReShape alone is told. */
export type DeepreshapeSettings = {
  /** Of training the new network, from random weights on the given one's logits; 12 where left out. */
  readonly pretrainEpochs?: number;
  /** Channels of the first stage; as many as make the given network's multiplications where left out. */
  readonly baseWidth?: number;
  /**
   * How ReLUs are removed at the end: by stages (deepreduce) or one by one (snl). The default is by stages if
   * the first stage has most of them, else one by one (Jha, Reagen, TMLR 2024).
   */
  readonly removal?: Removal;
  /** ReLU reuse: only one of this many groups of channels keeps its ReLUs in a layer; none where left out. */
  readonly reuse?: number;
};

export const deepreshapeDefaults = { pretrainEpochs: trainingDefaults.epochs } satisfies DeepreshapeSettings;

export const removals = ['coarse', 'fine'] as const;
export type Removal = (typeof removals)[number];
