import { splitValidation } from '../../../../models/data/splits.ts';
import { overlapWarning } from '../../../../models/data/training-data.ts';
import { classCounts } from '../../../../models/data/dataset.ts';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { trainingDefaults } from '../../../../models/train/train-architecture.ts';
import type { Device } from '../../../../models/runtime/device.ts';
import { chooseThresholds } from '../../../../pipelines/fairness/compare.ts';
import { logitAdjustment, thresholdShift } from '../../../../pipelines/fairness/shifts.ts';
import type { Shift } from '../../../../pipelines/fairness/shifts.ts';
import { DataError, UsageError } from '../../../shared/errors.ts';
import type { Context } from '../../options/command.ts';
import type { Extra } from './extras.ts';
import type { ModelLine } from './models.ts';
import type { Options } from './options.ts';
import { trainingImages } from './training-images.ts';

/** Lines of the report that need no training, and what is told of them. */
export type Controls = { readonly shifts: readonly Shift[]; readonly extras: readonly Extra[] };

/** Throws UsageError if a control does not go with other flags. */
export function checkControls({ adjust, threshold, report, card, split }: Options): void {
  const flag = adjust === true ? '--adjust' : '--threshold';
  if (adjust !== true && threshold === undefined) return;
  if (report !== undefined || card !== undefined)
    throw new UsageError(
      `${flag} does not go with --report and --card, which are about networks as they are`,
    );
  if (threshold !== undefined && split === 'train')
    throw new UsageError('--threshold does not go with --split train, whose validation images choose it');
}

/** The controls of `--adjust` and `--threshold`. `positive` is the class that counts as positive. */
export async function controlsOf(
  context: Context,
  lines: readonly ModelLine[],
  positive: number | undefined,
  options: Options,
  device: Device,
): Promise<Controls> {
  const { adjust, threshold, data } = options;
  const { model } = lines[0]!;
  const shifts: Shift[] = [];
  const extras: Extra[] = [];
  if (adjust !== true && threshold === undefined) return { shifts, extras };
  const train = await trainingImages(model, data);
  if (adjust === true) shifts.push(logitAdjustment(classSharesOf(train)));
  if (threshold !== undefined) {
    if (positive === undefined || train.classes.length !== 2)
      throw new UsageError(
        `--threshold: expected labels of two classes, ${train.name} has ${train.classes.length}`,
      );
    const validation = validationOf(context, lines, train);
    const chosen = await chooseThresholds(lines, validation, { positive, goal: threshold, device });
    shifts.push(thresholdShift(chosen, positive));
    extras.push(describeThresholds(lines, chosen, validation, positive, threshold));
  }
  return { shifts, extras };
}

/** The images that every training holds out by default. Warns of networks that have trained on them. */
function validationOf({ warn }: Context, lines: readonly ModelLine[], whole: Dataset): Dataset {
  const { validationFraction } = trainingDefaults;
  for (const { name, model } of lines) {
    const overlap = overlapWarning(model.graph.history, whole, validationFraction);
    if (overlap !== undefined) warn(`--threshold: ${name}: ${overlap}`);
  }
  return splitValidation(whole, validationFraction).validation;
}

function describeThresholds(
  lines: readonly ModelLine[],
  chosen: readonly (readonly number[])[],
  { n, classes }: Dataset,
  positive: number,
  goal: string,
): Extra {
  const probabilities = chosen.map((own) => own.map((odds) => 1 / (1 + Math.exp(-odds))));
  const models = lines.map(({ name }, m) => ({ model: name, probabilities: probabilities[m]! }));
  const told = models.map(
    ({ model, probabilities: own }) => `${model} ${own.map((p) => p.toFixed(3)).join(', ')}`,
  );
  return {
    key: 'thresholds',
    value: { goal, images: n, models },
    text:
      `Thresholds for ${classes[positive]}, chosen for ${goal === 'balanced' ? 'balanced accuracy' : 'accuracy'} on ` +
      `${n} validation images: a probability above ${told.join('; ')}`,
  };
}

/** The share of each class in the training images. Throws DataError if a class has none. */
function classSharesOf(train: Dataset): number[] {
  const counts = classCounts(train);
  const empty = counts.indexOf(0);
  if (empty >= 0)
    throw new DataError(
      `--adjust: ${train.name} has no training image of ${train.classes[empty]}; leave --adjust out`,
    );
  return Array.from(counts, (count) => count / train.n);
}
