/** What a long job can be doing. src/cli/output/progress-words.ts has the words for each. */
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
  'reuse-training',
  'criticality-training',
  'gate-search',
  // reductions
  'criticality',
  'element-losses',
  'layer-losses',
  'budget-search',
  'count-search',
  'wait-for-base',
  'family-member',
  'without-mitigation',
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
  /** What it works on, by name: a file, a network, a stage, a job. */
  readonly of?: string;
  /** Which one it is of several, from 1 on. */
  readonly number?: number;
  /** How many there are. */
  readonly count?: number;
};

/** One tick of a long job. A job that takes over two seconds reports itself. */
export type ProgressEvent = Work & {
  /** What the work is a part of, the whole before its part. */
  readonly within?: readonly Work[];
  /** In one unit: `done` of `total`. It never falls while the same work goes on. */
  readonly done: number;
  readonly total: number;
  /** What of the work goes on just now, by name: one of its layers, stages or networks. */
  readonly now?: string;
  /** Where a training stands; its `done` and `total` are steps of all its epochs. */
  readonly training?: TrainingProgress;
  /** Of work whose parts go on side by side: how many are over, and the latest tick of one of the others. */
  readonly parts?: { readonly over: number; readonly count: number; readonly latest?: ProgressEvent };
};

/** Epochs and steps count from 1. */
export type TrainingProgress = {
  readonly epoch: number;
  readonly epochs: number;
  /** Of the epoch. */
  readonly step: number;
  readonly steps: number;
  /** Mean over the epoch so far. */
  readonly loss: number;
  readonly imagesPerSecond: number;
};

export type OnProgress = (event: ProgressEvent) => void;

export const silent: OnProgress = () => undefined;

/** Tells `onProgress` of work that is a part of `whole`. */
export function within(whole: Work, onProgress: OnProgress): OnProgress {
  return (event) => onProgress({ ...event, within: [whole, ...(event.within ?? [])] });
}

/** Equal for two events of the same work, whatever is done of it. */
export function workKey({ within: wholes = [], ...work }: ProgressEvent): string {
  return JSON.stringify([...wholes, work].map(({ phase, of, number, count }) => [phase, of, number, count]));
}
