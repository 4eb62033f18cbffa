import { describeJob } from '../../../../pipelines/pareto/series.ts';
import type { JobSpec } from '../../../../pipelines/pareto/job.ts';
import type { Run } from '../../../../pipelines/pareto/run.ts';
import type { RunStore } from '../../../../pipelines/pareto/store.ts';
import { trainingDefaults } from '../../../../models/train/train-architecture.ts';
import { within, workKey } from '../../../shared/progress.ts';
import type { OnProgress, ProgressEvent } from '../../../shared/progress.ts';

/** Of a search and of the fine-tuning after it. */
function searchedEpochs({ epochs, searchEpochs }: JobSpec): number {
  return epochs + (searchEpochs ?? epochs);
}

/** The number of epochs that a job trains. */
const epochsOf: { readonly [M in JobSpec['method']]: (spec: JobSpec) => number } = {
  original: () => 0,
  deepreduce: ({ epochs }) => epochs,
  hybrid: searchedEpochs,
  snl: searchedEpochs,
  taylor: searchedEpochs,
  autorep: searchedEpochs,
  deepreshape: ({ epochs, pretrainEpochs }) => (pretrainEpochs ?? trainingDefaults.epochs) + epochs,
};

/** The work of a job in epochs; its evaluation counts as a tenth of an epoch. */
const workOf = (spec: JobSpec): number => epochsOf[spec.method](spec) + 0.1;

type Underway = {
  readonly spec: JobSpec;
  /** Epochs of finished trainings. */
  epochs: number;
  /** The current training, and its finished epochs with fractions. */
  training: string;
  trained: number;
};

export type SweepProgressOptions = {
  readonly store: RunStore;
  readonly ids: readonly string[];
  readonly onProgress: OnProgress;
};

/**
 * The progress of a sweep in epochs of training: those of finished jobs, and those that running jobs report.
 */
export class SweepProgress {
  readonly #options: SweepProgressOptions;
  readonly #running = new Map<string, Underway>();
  readonly #total: number;
  #done = 0;

  constructor(options: SweepProgressOptions) {
    this.#options = options;
    const open = options.store.runs(options.ids).filter(({ state }) => state !== 'done');
    this.#total = open.reduce((sum, { spec }) => sum + workOf(spec), 0);
  }

  started({ id, spec }: Run): void {
    this.#running.set(id, { spec, epochs: 0, training: '', trained: 0 });
    this.#tell({ phase: 'sweep-job', of: describeJob(spec), done: 0, total: 1 });
  }

  ended(id: string): void {
    this.#done += workOf(this.#running.get(id)!.spec);
    this.#running.delete(id);
    this.#tell();
  }

  heard(id: string, event: ProgressEvent): void {
    const job = this.#running.get(id);
    if (job === undefined) return;
    if (event.training !== undefined) {
      const { epoch, step, steps } = event.training;
      if (job.training !== workKey(event)) job.epochs += job.trained;
      job.training = workKey(event);
      job.trained = epoch - 1 + step / steps;
    }
    within({ phase: 'sweep-job', of: describeJob(job.spec) }, (latest) => this.#tell(latest))(event);
  }

  #tell(latest?: ProgressEvent): void {
    const { store, ids, onProgress } = this.#options;
    const { done, failed } = store.counts(ids);
    onProgress({
      phase: 'sweep',
      done: Math.min(this.#total, this.#done + this.#underWay()),
      total: this.#total,
      parts: { over: done + failed, count: ids.length, ...(latest && { latest }) },
    });
  }

  #underWay(): number {
    return [...this.#running.values()].reduce(
      (sum, { spec, epochs, trained }) => sum + Math.min(0.98 * workOf(spec), epochs + trained),
      0,
    );
  }
}
