/** The phases of long jobs. src/cli/output/progress-words.ts has the words for each. */
export const phases = [
  // data and models
  'download',
  'decode-images',
  'evaluation',
  'confidence-intervals',
  'significance-tests',
  // trainings
  'training',
  'base-training',
  'fine-tuning',
  'fine-tuning-after',
  'fine-tuning-for-budget',
  'activation-training',
  'reuse-training',
  'criticality-training',
  'gate-search',
  // reductions
  'criticality',
  'layer-prices',
  'element-losses',
  'layer-losses',
  'budget-search',
  'count-search',
  'swaps',
  'wait-for-base',
  'family-member',
  'without-mitigation',
  'mitigation-control',
  // what is private, and its costs
  'calibration',
  'simulation',
  'arithmetic',
  'sign-test-windows',
  'curvature',
  'machine-costs',
  'private-answers',
  // sweeps
  'sweep',
  'sweep-job',
  'front-measurement',
] as const;
export type Phase = (typeof phases)[number];

/** A piece of work among others of its kind. */
export type Work = {
  readonly phase: Phase;
  /** The name of what it works on: a file, a network, a stage, a job. */
  readonly of?: string;
  /** Its number among several, counted from 1. */
  readonly number?: number;
  /** How many there are in all. */
  readonly count?: number;
};

/** One report of a long job. Every job that takes over two seconds reports its progress. */
export type ProgressEvent = Work & {
  /** The works that this one is a part of, the outermost first. */
  readonly within?: readonly Work[];
  /** The finished part of `total`, in the same unit. It never falls during one work. */
  readonly done: number;
  readonly total: number;
  /** The name of the part in progress: a layer, a stage or a network. */
  readonly now?: string;
  /** The state of a training, for which `done` and `total` count the steps of all epochs. */
  readonly training?: TrainingProgress;
  /**
   * For work whose parts run at the same time: how many are finished, and the latest report of one of the
   * others.
   */
  readonly parts?: { readonly over: number; readonly count: number; readonly latest?: ProgressEvent };
};

/** Epochs and steps count from 1. */
export type TrainingProgress = {
  readonly epoch: number;
  readonly epochs: number;
  /** The step within the epoch. */
  readonly step: number;
  readonly steps: number;
  /** The mean loss over the epoch so far. */
  readonly loss: number;
  readonly imagesPerSecond: number;
};

export type OnProgress = (event: ProgressEvent) => void;

export const silent: OnProgress = () => undefined;

/** Reports to `onProgress` as part of the work `whole`. */
export function within(whole: Work, onProgress: OnProgress): OnProgress {
  return (event) => onProgress({ ...event, within: [whole, ...(event.within ?? [])] });
}

/** A key that is equal for two events of the same work, whatever their progress. */
export function workKey({ within: wholes = [], ...work }: ProgressEvent): string {
  return JSON.stringify([...wholes, work].map(({ phase, of, number, count }) => [phase, of, number, count]));
}
