import { Option } from 'commander';
import type { Command } from 'commander';
import { architectures } from '../../../models/architectures/index.ts';
import { inspect } from '../../../models/inspect.ts';
import { saveModel } from '../../../models/onnx/write.ts';
import { recipeDefaults, trainArchitecture } from '../../../models/train/recipe.ts';
import * as format from '../../shared/format.ts';
import { examples, positive, whole } from '../command.ts';
import type { Act, Context } from '../command.ts';
import { checkOutput, dataHelp, openModel } from '../inputs.ts';

type Options = {
  readonly arch: string;
  readonly data: string;
  readonly out: string;
  readonly epochs: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly checkpoint?: string;
  readonly teacher?: string;
};

/** `train --arch A --data D --out M`: a network from random weights to an .onnx file. */
export function configure(command: Command, act: Act): void {
  const { epochs, batch, learningRate, seed } = recipeDefaults;
  command
    .addOption(
      new Option('--arch <name>', 'network').choices(Object.keys(architectures)).makeOptionMandatory(),
    )
    .requiredOption('--data <data>', dataHelp)
    .requiredOption('--out <file>', 'the .onnx file to write')
    .option('--epochs <n>', 'passes over the training images', whole(1), epochs)
    .option('--batch <n>', 'images a step', whole(1), batch)
    .option('--learning-rate <x>', 'the peak of the schedule', positive, learningRate)
    .option('--seed <n>', 'of weights, split, shuffles and augmentation', whole(0), seed)
    .option('--checkpoint <file>', 'kept after each epoch; where it exists, training goes on from it')
    .option('--teacher <model>', 'distil from this model')
    .action(act(run));
  examples(command, [
    'reluctant train --arch resnet8 --data fashion-mnist-part --epochs 2 --out small.onnx',
    'reluctant train --arch resnet20 --data fashion-mnist --out net.onnx',
  ]);
}

async function run({ onProgress, say }: Context, { out, teacher, ...options }: Options) {
  checkOutput(out);
  const result = await trainArchitecture({
    ...options,
    onProgress,
    ...(teacher !== undefined && { teacher: await openModel(teacher) }),
    log: ({ epoch, loss, validationAccuracy, seconds }) =>
      say(
        `epoch ${epoch}: loss ${loss.toFixed(3)}, validation ${format.percent(validationAccuracy)}, ${format.duration(seconds)}`,
      ),
  });
  await saveModel(out, result.model);
  const { relus, params } = inspect(result.model);
  const { accuracy, n } = result.test;
  return {
    value: { out, relus, params, accuracy, n, best: result.best, history: result.history },
    text: `${out}: ${format.count(relus)} ReLUs, ${format.percent(accuracy)} of ${format.count(n)} test images right`,
  };
}
