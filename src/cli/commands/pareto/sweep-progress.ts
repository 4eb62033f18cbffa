import { parseBudget } from '../../../../pipelines/cost/budget.ts';
import { describeJob } from '../../../../pipelines/pareto/series.ts';
import type { JobSpec } from '../../../../pipelines/pareto/job.ts';
import type { Run } from '../../../../pipelines/pareto/run.ts';
import type { RunStore } from '../../../../pipelines/pareto/store.ts';
import { recipeDefaults } from '../../../../models/train/train-architecture.ts';
import type { OnProgress, ProgressEvent } from '../../../shared/progress.ts';

/** Epochs that a job trains. */
const epochsOf: { readonly [M in JobSpec['method']]: (spec: JobSpec) => number } = {
  original: () => 0,
  deepreduce: ({ epochs }) => epochs,
  hybrid: ({ epochs, searchEpochs, budget }) =>
    typeof parseBudget(budget) === 'number' ? epochs : epochs + (searchEpochs ?? epochs),
  snl: ({ epochs, searchEpochs }) => epochs + (searchEpochs ?? epochs),
  autorep: ({ epochs, searchEpochs }) => epochs + (searchEpochs ?? epochs),
  deepreshape: ({ epochs, pretrainEpochs }) => (pretrainEpochs ?? recipeDefaults.epochs) + epochs,
};

/** A job's share of the work: its epochs, and a tenth of one for its evaluation. */
const workOf = (spec: JobSpec): number => epochsOf[spec.method](spec) + 0.1;

type Underway = {
  readonly spec: JobSpec;
  /** Epochs that are over. */
  epochs: number;
  /** The epoch that runs, and how much of it is done, in [0, 1]. */
  label: string;
  part: number;
};

export type SweepProgressOptions = {
  readonly store: RunStore;
  readonly ids: readonly string[];
  readonly onProgress: OnProgress;
};

/** How far a sweep has come, in epochs of training: those of jobs that are over, and those that running jobs have told of. */
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
    this.#running.set(id, { spec, epochs: 0, label: '', part: 0 });
    this.#tell(id, '');
  }

  ended(id: string): void {
    this.#done += workOf(this.#running.get(id)!.spec);
    this.#running.delete(id);
    this.#tell(id, '');
  }

  heard(id: string, { label, note, done, total }: ProgressEvent): void {
    const job = this.#running.get(id);
    if (job !== undefined && label.includes('epoch ')) {
      if (label !== job.label && job.label !== '') job.epochs++;
      job.label = label;
      job.part = done / total;
    }
    this.#tell(id, note ? `${label}, ${note}` : label);
  }

  #tell(id: string, text: string): void {
    const { store, ids, onProgress } = this.#options;
    const { done, failed } = store.counts(ids);
    const job = this.#running.get(id);
    onProgress({
      label: 'pareto',
      done: Math.min(this.#total, this.#done + this.#underWay()),
      total: this.#total,
      note: [`${done + failed} of ${ids.length} jobs`, job && describeJob(job.spec), text]
        .filter(Boolean)
        .join(', '),
    });
  }

  #underWay(): number {
    return [...this.#running.values()].reduce(
      (sum, { spec, epochs, part }) => sum + Math.min(0.98 * workOf(spec), epochs + part),
      0,
    );
  }
}
