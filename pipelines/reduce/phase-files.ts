import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { logFile } from '../../models/train/log-file.ts';
import type { FitOptions } from '../../models/train/fit.ts';
import { defined } from '../../src/shared/defined.ts';
import { describeCostBudget } from '../cost/budget.ts';
import type { ReductionOptions } from './reduction.ts';

/**
 * Where a training that is a part of a reduction is kept: `PHASE.checkpoint`, and `PHASE.jsonl` with a line an epoch, in the reduction's
 * folder; nowhere where it has none. What is between the trainings is computed anew from the seed.
 */
export function phaseFiles(
  phase: string,
  { checkpoint, budget, epochs, searchEpochs, replace, granularity, seed, train }: ReductionOptions,
): Pick<FitOptions, 'checkpoint' | 'log'> {
  if (checkpoint === undefined) return {};
  mkdirSync(checkpoint, { recursive: true });
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
