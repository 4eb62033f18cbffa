import { Option } from 'commander';
import type { Command } from 'commander';
import { ThreadPool } from '../../../../crypto/worker/thread-pool.ts';
import { architectures } from '../../../../models/architectures/index.ts';
import type { ArchitectureName } from '../../../../models/architectures/index.ts';
import { benchLinear, squareConvolution } from '../../../../pipelines/bench/linear.ts';
import { benchRelu } from '../../../../pipelines/bench/relu.ts';
import type { AnswerKind } from '../../../../pipelines/plan/plan.ts';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';
import { defined } from '../../../shared/defined.ts';
import { UsageError } from '../../../shared/errors.ts';
import * as format from '../../../shared/format.ts';
import { answerOption } from '../../options/answer.ts';
import { byteSize, examples, whole } from '../../options/command.ts';
import { isDescribed, pixelFlags } from '../../options/describe.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { benchModel } from './two-processes.ts';
import type { ModelBenchOptions } from './two-processes.ts';
import type { Act, Context } from '../../options/command.ts';
import { calibrationHelp, memoryHelp, modelHelp, threadsHelp } from '../../options/inputs.ts';
import { calibrationData } from '../../options/named-model.ts';
import type { Output } from '../../output/output.ts';
import { measureThisMachine } from '../../options/machine.ts';
import { profileOption } from '../../options/profile.ts';
import { transfersOption } from '../../options/transfers.ts';
import type { TransferMode } from '../../../../pipelines/inference/layer-transfers.ts';
import { machineOutput, modelOutput } from './outputs.ts';

/**
 * `bench relu` and `bench linear` time one step of the protocol, `bench model` all of it, and `bench machine`
 * its units of work. None of them verifies results.
 */
export function configure(command: Command, act: Act): void {
  const relu = command
    .command('relu')
    .description(
      'time one layer of ReLUs with oblivious transfers and one-time tables, both parties in this process',
    )
    .option('--count <n>', 'number of ReLUs', whole(1, 2 ** 22), 65_536)
    .option('--k <bit>', 'low bits that the sign test skips; 0 is exact', whole(0, 30), 8)
    .option('--bits <bit>', 'top bit of the sign test; values are below 2^bits', whole(1, 31), 26)
    .addOption(transfersOption())
    .action(act(runRelu));
  examples(relu, [
    'reluctant bench relu --count 65536',
    ['exact sign tests on all bits', 'reluctant bench relu --k 0 --bits 31 --json'],
  ]);
  const linear = command
    .command('linear')
    .description('time one convolution with homomorphic encryption, both parties in this process')
    .option('--channels <n>', 'number of input and of output channels', whole(1, 4096), 64)
    .option('--size <pixels>', 'height and width of the input', whole(1, 512), 8)
    .option('--kernel <pixels>', 'height and width of the kernel', whole(1, 15), 3)
    .option('--threads <n>', threadsHelp, whole(1, 256))
    .action(act(runLinear));
  examples(linear, ['reluctant bench linear --channels 64 --size 8 --kernel 3']);
  configureModel(command.command('model'), act);
  const machine = command
    .command('machine')
    .description(
      'measure the costs of this machine, in some seconds; plan, reduce, bench model and pareto predict with them',
    )
    .action(act(runMachine));
  examples(machine, ['reluctant bench machine']);
  examples(command, [
    'reluctant bench model zoo:fashion-resnet8',
    'reluctant bench relu --count 65536',
    'reluctant bench machine',
  ]);
}

function configureModel(command: Command, act: Act): void {
  command
    .description(
      'time private inferences of a whole network, with client and server in two processes, and compare with the prediction',
    )
    .argument('[model]', `${modelHelp}; or give --arch`)
    .addOption(new Option('--arch <name>', 'network with random weights').choices(Object.keys(architectures)))
    .option('--data <data>', calibrationHelp)
    .option(
      '--size <pixels>',
      'height and width of the images, for --arch (default: 32) or a file that leaves them open',
      whole(8, 512),
    )
    .option('--channels <n>', '--arch only: channels of the images', whole(1, 16), 3)
    .option('--classes <n>', '--arch only: number of classes', whole(2, 10_000), 10)
    .option(
      '--keep-relus <n>',
      '--arch only: keep n ReLUs and replace the others by squares',
      whole(1, 2 ** 24),
    )
    .option(
      '--runs <n>',
      'number of inferences; the output has the last in full, and the median of all but the first',
      whole(1, 1000),
      1,
    )
    .option(
      '--threads <n>',
      'threads for homomorphic encryption of each party (default: one per core)',
      whole(1, 256),
    )
    .option('--memory <size>', `each party's ${memoryHelp}`, byteSize)
    .addOption(answerOption('what the client learns: all logits, or the label alone (default: logits)'))
    .addOption(profileOption())
    .addOption(transfersOption());
  pixelFlags(command.optionsGroup('Options of the model:')).action(act(runModel));
  examples(command, [
    'reluctant bench model zoo:fashion-resnet8',
    ['over three networks', 'reluctant bench model zoo:fashion-resnet8 --runs 2 --profile loopback,lan,wan'],
    [
      'a large network with random weights',
      'reluctant bench model --arch resnet18 --size 32 --classes 100 --runs 5 --json',
    ],
    [
      'and with 12,900 ReLUs',
      'reluctant bench model --arch resnet18 --size 32 --classes 100 --keep-relus 12900 --runs 2',
    ],
  ]);
}

type ReluOptions = {
  readonly count: number;
  readonly k: number;
  readonly bits: number;
  readonly transfers?: TransferMode;
};

async function runRelu(_: Context, options: ReluOptions): Promise<Output> {
  if (options.k >= options.bits) {
    throw new UsageError(`--k ${options.k}: expected a number below --bits ${options.bits}`);
  }
  const found = await benchRelu(options);
  const phase = (seconds: number, bytes: number) => {
    const each = `${((1e6 * seconds) / options.count).toFixed(2)} µs and ${(bytes / options.count).toFixed(0)} bytes`;
    return `${format.duration(seconds)}, ${format.bytes(bytes)} (${each} per ReLU)`;
  };
  return {
    value: found,
    text:
      `${format.count(options.count)} ReLUs, sign test on bits ${options.k} to ${options.bits}, both parties in one thread, medians\n` +
      `offline  ${phase(found.offline_seconds, found.offline_bytes)}, ` +
      `of which the transfers take ${found.transfers_us_per_relu.toFixed(2)} µs\n` +
      `online   ${phase(found.online_seconds, found.online_bytes)}`,
  };
}

type LinearOptions = { channels: number; size: number; kernel: number; threads?: number };

async function runLinear(_: Context, { channels, size, kernel, threads }: LinearOptions): Promise<Output> {
  const pool = new ThreadPool(...(threads === undefined ? [] : [threads]));
  try {
    const found = await benchLinear(squareConvolution(channels, size, kernel), pool);
    const up = format.bytes(found.offline_bytes_up);
    const down = format.bytes(found.offline_bytes_down);
    return {
      value: found,
      text:
        `${channels} to ${channels} channels of ${size} x ${size}, kernel ${kernel} x ${kernel}, both parties in one process\n` +
        `offline  ${format.duration(found.offline_seconds)}, ${up} up, ${down} down ` +
        `(the first time, with the transforms of the weights: ${format.duration(found.first_offline_seconds)})\n` +
        `online   ${format.duration(found.online_seconds)}, nothing sent`,
    };
  } finally {
    await pool.close();
  }
}

type ModelOptions = Omit<DescribeFlags, 'size' | 'classes'> & {
  readonly data?: string;
  readonly arch?: ArchitectureName;
  readonly size?: number;
  readonly channels: number;
  readonly classes: number;
  readonly keepRelus?: number;
  readonly runs: number;
  readonly threads?: number;
  readonly memory?: number;
  readonly answer?: AnswerKind;
  readonly profile: readonly NetworkProfile[];
  readonly transfers?: TransferMode;
};

async function runModel(
  { say, warn, onProgress, signal }: Context,
  model: string | undefined,
  options: ModelOptions,
): Promise<Output> {
  const { runs, threads, memory, answer, transfers } = options;
  const network = networkToBench(model, options);
  const found: Output[] = [];
  for (const profile of options.profile) {
    // Each profile gets its own server, so that each has a first inference.
    const bench = defined({
      ...{ network, runs, profile, signal, say, onProgress, threads, memory, answer, transfers },
    });
    // The first server's warnings hold for all.
    const warned = found.length === 0 ? warn : () => undefined;
    found.push(modelOutput(await benchModel({ ...bench, warn: warned })));
  }
  if (found.length === 1) return found[0]!;
  return {
    value: { profiles: found.map(({ value }) => value) },
    text: found.map(({ text }) => text).join('\n\n'),
  };
}

async function runMachine(context: Context): Promise<Output> {
  return machineOutput(await measureThisMachine(context));
}

function networkToBench(
  model: string | undefined,
  { data, arch, size, channels, classes, keepRelus, ...options }: ModelOptions,
): ModelBenchOptions['network'] {
  const { normalise, mean, std, scale, resize } = options;
  const pixels = defined({ normalise, mean, std, scale, resize });
  if (model !== undefined && arch === undefined) {
    const flags = { ...pixels, ...(size !== undefined && { size: [size, size] as const }) };
    if (keepRelus === undefined) return { model, data: calibrationData(model, data), flags };
    throw new UsageError('bench model: --keep-relus needs --arch; a model keeps its own ReLUs');
  }
  if (arch !== undefined && data !== undefined)
    throw new UsageError('bench model: --data needs a model; --arch is calibrated on noise');
  if (arch !== undefined && isDescribed(pixels))
    throw new UsageError('bench model: --normalise, --mean, --std, --scale and --resize need a model');
  if (model === undefined && arch !== undefined)
    return { arch, size: size ?? 32, channels, classes, ...defined({ keepRelus }) };
  throw new UsageError('bench model: give either a model or --arch');
}
