import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { logFile } from '../../models/train/log-file.ts';
import type { TrainingRecord } from '../../models/train/fit.ts';
import { defined } from '../../src/shared/defined.ts';
import type { Work } from '../../src/shared/progress.ts';
import { describeCostBudget } from '../cost/budget.ts';
import type { FineTuning, Keeping, ReductionData, ReductionOptions, Replacing } from './reduction.ts';

/** A training that is one part of a reduction. */
export type PartTraining = Omit<Work, 'count'> &
  (
    | { readonly phase: 'fine-tuning' | 'reuse-training' | 'gate-search' | 'activation-training' }
    /** `of` names the network that is trained, what was replaced before, or the stage. */
    | { readonly phase: 'base-training' | 'fine-tuning-after' | 'criticality-training'; readonly of: string }
    | { readonly phase: 'fine-tuning-for-budget'; readonly number: number }
  );

/**
 * The name of a training in its files and log entries. Folders of earlier versions have the same names, so
 * that reductions go on from them.
 */
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
    case 'activation-training':
      return 'training with replaced activations';
    case 'gate-search':
      return 'search';
  }
}

/** Where a training keeps its state, and how its log begins. */
export type PhaseRecord = Keeping &
  Replacing &
  Pick<FineTuning, 'epochs'> &
  Pick<ReductionData, 'train' | 'seed'> &
  Pick<ReductionOptions, 'budget'>;

/**
 * The files of a training that is one part of a reduction: `PHASE.checkpoint`, and `PHASE.jsonl` with one
 * line per epoch, in the reduction's folder. A training that starts again at a lower rate has files of its
 * own, by its `attempt`. There are none if the reduction has no folder. Work between trainings is not stored,
 * because the seed gives it again.
 */
export function phaseFiles(
  part: PartTraining,
  { checkpoint, budget, epochs, searchEpochs, replace, granularity, seed, train }: PhaseRecord,
  attempt = 0,
): TrainingRecord {
  if (checkpoint === undefined) return {};
  mkdirSync(checkpoint, { recursive: true });
  const phase = trainingName(part);
  const name = phase.replaceAll(/[^\w.-]+/g, '-') + (attempt === 0 ? '' : `-slower-${attempt}`);
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
