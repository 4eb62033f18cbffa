import { Option } from 'commander';
import type { Command } from 'commander';
import { architectures } from '../../../models/architectures/index.ts';
import { inspect } from '../../../models/analysis/inspect.ts';
import { logFile } from '../../../models/train/log-file.ts';
import { optimizers, usualWeightDecay } from '../../../models/train/optimizers.ts';
import type { OptimizerName } from '../../../models/train/optimizers.ts';
import { trainingDefaults, trainArchitecture } from '../../../models/train/train-architecture.ts';
import { schedules } from '../../../models/train/schedules.ts';
import type { ScheduleName } from '../../../models/train/schedules.ts';
import { loadModel } from '../../../models/files/read.ts';
import * as format from '../../shared/format.ts';
import { examples, fraction, fromZero, positive, whole } from '../options/command.ts';
import type { Act, Context } from '../options/command.ts';
import { addComputeOptions, addThreadsOption, computingOf } from '../options/computing.ts';
import type { ComputeOptions } from '../options/computing.ts';
import { checkOutput, dataHelp } from '../options/inputs.ts';
import { keepNetwork } from '../options/keep-network.ts';

type Options = ComputeOptions & {
  readonly arch: string;
  readonly data: string;
  readonly out: string;
  readonly epochs: number;
  readonly batch: number;
  readonly optimizer: OptimizerName;
  readonly learningRate?: number;
  readonly weightDecay: number;
  readonly seed: number;
  readonly schedule: ScheduleName;
  readonly labelSmoothing?: number;
  readonly mixup?: number;
  readonly patience?: number;
  readonly finalOnAll?: boolean;
  readonly checkpoint?: string;
  readonly log?: string;
  readonly teacher?: string;
};

/** `train --arch A --data D --out M`: trains a network from random weights and writes an .onnx file. */
export function configure(command: Command, act: Act): void {
  const { epochs, batch, seed } = trainingDefaults;
  const rates = Object.entries(optimizers).map(([name, { learningRate }]) => `${learningRate} for ${name}`);
  command
    .addOption(
      new Option('--arch <name>', 'architecture of the network')
        .choices(Object.keys(architectures))
        .makeOptionMandatory(),
    )
    .requiredOption('--data <data>', dataHelp)
    .requiredOption('--out <file>', 'write the network to this .onnx file')
    .option('--epochs <n>', 'passes over the training images', whole(1), epochs)
    .option('--batch <n>', 'images per step', whole(1), batch)
    .addOption(
      new Option('--optimizer <name>', 'SGD with Nesterov momentum 0.9, or AdamW')
        .choices(Object.keys(optimizers))
        .default('sgd'),
    )
    .option('--learning-rate <x>', `peak learning rate (default: ${rates.join(', ')})`, positive)
    .option('--weight-decay <x>', 'weight decay, except of biases and scales', fromZero, usualWeightDecay)
    .addOption(
      new Option('--schedule <name>', 'schedule of the learning rate')
        .choices(Object.keys(schedules))
        .default('cosine'),
    )
    .option('--label-smoothing <x>', 'spread this share of each label over all classes, e.g. 0.1', fraction)
    .option('--mixup <alpha>', 'mix pairs of images with shares from Beta(alpha, alpha)', fraction)
    .option('--patience <n>', 'stop after n epochs without better validation accuracy', whole(1))
    .option(
      '--final-on-all',
      'train on the validation images too and keep the last epoch; there is then no validation accuracy',
    )
    .option('--seed <n>', 'seed of weights, shuffles and augmentation', whole(0), seed)
    .option(
      '--checkpoint <file>',
      'save the training state here after each epoch; if the file exists, continue from it',
    )
    .option('--log <file>', 'write JSON lines here: first all settings, then one line per epoch')
    .option('--teacher <model>', 'also train on the answers of this model (distillation)')
    .action(act(run));
  addComputeOptions(command);
  addThreadsOption(command);
  examples(command, [
    'reluctant train --arch resnet8 --data fashion-mnist-part --epochs 2 --out small.onnx',
    [
      'continue after a stop, and keep a log',
      'reluctant train --arch resnet20 --data fashion-mnist --out net.onnx --checkpoint net.checkpoint --log net.jsonl',
    ],
    [
      'your own images, resized to 32 x 32',
      'reluctant train --arch mobilenetv2 --data folder:my-images@32 --optimizer adamw --mixup 0.2 --out net.onnx',
    ],
    [
      'on TensorFlow.js',
      'reluctant train --arch resnet8 --data fashion-mnist-part --engine tfjs --out small.onnx',
    ],
  ]);
}

async function run(
  { onProgress, say, warn }: Context,
  { out, teacher, log, device: choice, engine, optimizer, weightDecay, ...options }: Options,
) {
  checkOutput(out);
  if (log !== undefined) checkOutput(log, '--log');
  if (options.checkpoint !== undefined) checkOutput(options.checkpoint, '--checkpoint');
  const { setting, runsOn } = await computingOf({ device: choice, engine }, say);
  const { device } = setting;
  const { make, learningRate: usual } = optimizers[optimizer];
  const learningRate = options.learningRate ?? usual;
  const steps = { optimizer, learningRate, weightDecay };
  const told = { ...options, ...steps, device, engine, ...(teacher && { teacher }) };
  const result = await trainArchitecture({
    ...options,
    ...setting,
    optimizer: make(weightDecay),
    learningRate,
    onProgress,
    ...(teacher !== undefined && { teacher: await loadModel(teacher) }),
    log: async ({ epoch, loss, validationAccuracy, seconds }, _, history) => {
      say(
        `epoch ${epoch}: loss ${loss.toFixed(3)}, ${Number.isNaN(validationAccuracy) ? '' : `validation accuracy ${format.percent(validationAccuracy)}, `}${format.duration(seconds)}`,
      );
      if (log !== undefined) await logFile(log, { ...told, runsOn: runsOn() })(history);
    },
  });
  await keepNetwork(out, result.model, { warn });
  const { relus, params } = inspect(result.model);
  const { accuracy, n } = result.test;
  const { best, history } = result;
  return {
    value: {
      out,
      relus,
      params,
      accuracy,
      n,
      device,
      engine,
      runsOn: runsOn(),
      ...steps,
      seed: options.seed,
      best,
      history,
    },
    text: `${out}: ${format.count(relus)} ReLUs, accuracy ${format.percent(accuracy)} on ${format.count(n)} test images`,
  };
}
