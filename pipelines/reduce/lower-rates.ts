import type { Controller } from '../../models/train/controller.ts';
import { DivergedError } from '../../models/train/fit.ts';
import type { TrainingWatch } from '../../models/train/fit.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { trainingName } from './phase-files.ts';
import type { PartTraining } from './phase-files.ts';

/** How often a training that diverges starts again, each time at a quarter of the rate before. */
const restarts = 2;
const slowdown = 4;

/** One try of a training: its learning rate, and how many tries were before it. */
export type Try = { readonly learningRate: number; readonly attempt: number };

/**
 * Runs a training at `rate`, and where it diverges again from its start at a quarter of the rate, and at a
 * sixteenth. `controller` is put back to its first state. Throws UsageError, which says what
 * else helps, if all of them diverge.
 */
export async function atLowerRates<T>(
  part: PartTraining,
  rate: number,
  train: (one: Try) => Promise<T>,
  { controller, onNote }: { readonly controller?: Controller } & Pick<TrainingWatch, 'onNote'>,
): Promise<T> {
  const start = controller?.state();
  const tried: number[] = [];
  for (let attempt = 0; ; attempt++) {
    const learningRate = rate / slowdown ** attempt;
    tried.push(learningRate);
    try {
      return await train({ learningRate, attempt });
    } catch (error) {
      if (!(error instanceof DivergedError)) throw error;
      if (attempt === restarts) throw stillDiverges(part, tried);
      onNote?.(
        `${trainingName(part)} diverged at a learning rate of ${learningRate}: ` +
          `it starts again at ${learningRate / slowdown}`,
      );
      if (start !== undefined) controller?.restore(start);
    }
  }
}

function stillDiverges(part: PartTraining, tried: readonly number[]): UsageError {
  return new UsageError(
    `${trainingName(part)}: the training diverged at learning rates of ${tried.join(', ')}. Squares are what ` +
      'usually diverges: --replace affine puts lines in the place of ReLUs; a larger --budget removes fewer at once',
  );
}
