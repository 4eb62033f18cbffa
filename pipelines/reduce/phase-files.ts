import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { logFile } from '../../models/train/log-file.ts';
import type { TrainingRecord } from '../../models/train/fit.ts';
import { defined } from '../../src/shared/defined.ts';
import type { Work } from '../../src/shared/progress.ts';
import { describeCostBudget } from '../cost/budget.ts';
import type { FineTuning, Keeping, ReductionData, ReductionOptions, Replacing } from './reduction.ts';

/** A training that is a part of a reduction. */
export type PartTraining = Omit<Work, 'count'> &
  (
    | { readonly phase: 'fine-tuning' | 'reuse-training' | 'gate-search' }
    /** `of` a network that is built, what was replaced before, a stage. */
    | { readonly phase: 'base-training' | 'fine-tuning-after' | 'criticality-training'; readonly of: string }
    | { readonly phase: 'fine-tuning-for-budget'; readonly number: number }
  );

/** What its files and the entries of its log are called. A folder of an earlier version has these names too. */
export function trainingName(part: PartTraining): string {
  switch (part.phase) {
    case 'base-training':
      return `training ${part.of}`;
    case 'fine-tuning':
      return 'fine-tuning';
    case 'fine-tuning-after':
      return `fine-tuning after ${part.of}`;
    case 'fine-tuning-for-budget':
      return `fine-tuning ${part.number}, for the budget`;
    case 'reuse-training':
      return 'fine-tuning with reused ReLUs';
    case 'criticality-training':
      return `criticality of ${part.of}`;
    case 'gate-search':
      return 'search';
  }
}

/** What decides where a training is kept, and what its log begins with. */
export type PhaseRecord = Keeping &
  Replacing &
  Pick<FineTuning, 'epochs'> &
  Pick<ReductionData, 'train' | 'seed'> &
  Pick<ReductionOptions, 'budget'>;

/**
 * Where a training that is a part of a reduction is kept: `PHASE.checkpoint`, and `PHASE.jsonl` with a line an epoch, in the reduction's
 * folder; nowhere where it has none. What is between the trainings is computed anew from the seed.
 */
export function phaseFiles(
  part: PartTraining,
  { checkpoint, budget, epochs, searchEpochs, replace, granularity, seed, train }: PhaseRecord,
): TrainingRecord {
  if (checkpoint === undefined) return {};
  mkdirSync(checkpoint, { recursive: true });
  const phase = trainingName(part);
  const name = phase.replaceAll(/[^\w.-]+/g, '-');
  const told = defined({
    phase,
    budget: typeof budget === 'number' ? budget : describeCostBudget(budget),
    epochs,
    seed,
    data: train.name,
    images: train.n,
    searchEpochs,
    replace,
    granularity,
  });
  const write = logFile(join(checkpoint, `${name}.jsonl`), told);
  return {
    checkpoint: join(checkpoint, `${name}.checkpoint`),
    log: (_entry, _model, history) => write(history),
  };
}
