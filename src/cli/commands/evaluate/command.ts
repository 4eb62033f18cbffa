import { Option } from 'commander';
import type { Command } from 'commander';
import { pixels } from '../../../../models/data/dataset.ts';
import type { Dataset, Split } from '../../../../models/data/dataset.ts';
import { overlapWarning } from '../../../../models/data/training-data.ts';
import { chooseDevice } from '../../../../models/runtime/device.ts';
import type { DeviceChoice } from '../../../../models/runtime/device.ts';
import { predictClasses, scored } from '../../../../models/train/evaluate.ts';
import { pixelsWarning } from '../../../../models/train/doubtful-pixels.ts';
import { labelsOf } from '../../../../pipelines/inference/answer.ts';
import { simulateSet } from '../../../../pipelines/simulate/simulator.ts';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';
import { defined } from '../../../shared/defined.ts';
import { UsageError } from '../../../shared/errors.ts';
import * as format from '../../../shared/format.ts';
import { examples, whole } from '../../options/command.ts';
import type { Act, Context } from '../../options/command.ts';
import { describeFlags } from '../../options/describe.ts';
import { dataFor, loadDescribed } from '../../options/described.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { dataHelp, deviceOption, modelHelp } from '../../options/inputs.ts';
import { compileFlagNames, compileFlags, compileOptionsOf } from '../../options/compile.ts';
import type { CompileFlags } from '../../options/compile.ts';
import { oneProfileOption } from '../../options/profile.ts';
import { askFlags } from '../../options/server.ts';
import type { AskFlags } from '../../options/server.ts';
import { evaluateServed } from './served.ts';
import { table } from '../../output/output.ts';
import { preparedModel } from '../../options/prepared.ts';

type Options = CompileFlags &
  DescribeFlags &
  AskFlags & {
    readonly data: string;
    readonly split: Split;
    readonly limit?: number;
    readonly count?: number;
    readonly device: DeviceChoice;
    readonly private?: boolean;
    readonly against?: string;
    readonly profile?: NetworkProfile;
  };

/** `evaluate MODEL --data D`: accuracy over all images and by class. `evaluate URL`: see served.ts. */
export function configure(command: Command, act: Act): void {
  const described = command
    .argument('<model>', `${modelHelp}; or the ws:// or wss:// address of a server`)
    .requiredOption('--data <data>', dataHelp)
    .addOption(
      new Option('--split <split>', 'evaluate on these images').choices(['train', 'test']).default('test'),
    )
    .option('--limit <n>', 'use only the first n images', whole(1))
    .addOption(new Option('--count <n>', 'the same as --limit').argParser(whole(1)).conflicts('limit'))
    .addOption(deviceOption())
    .option(
      '--private',
      "also simulate the private protocol's integer arithmetic, with the errors of its sign tests",
    );
  described.optionsGroup('Options for a server:');
  askFlags(described)
    .addOption(oneProfileOption())
    .option('--against <model>', 'also count the answers that are those of this model in the clear');
  described.optionsGroup('Options of the private arithmetic:');
  describeFlags(compileFlags(described)).action(act(run));
  examples(command, [
    'reluctant evaluate zoo:fashion-resnet8 --data fashion-mnist-part',
    [
      'compare with private inference whose sign tests skip 14 low bits',
      'reluctant evaluate zoo:fashion-resnet8 --data fashion-mnist-part --private --k 14',
    ],
    [
      'the private answers of a server that tells the label alone',
      'reluctant evaluate zoo:fashion-resnet8 --data fashion-mnist-part --private --answer label',
    ],
    'reluctant evaluate my-model.onnx --data idx:images.idx,labels.idx --limit 1000 --json',
    [
      'the private answers of a server, and how many are those of a model in the clear',
      'reluctant evaluate ws://localhost:8765 --data fashion-mnist-part --limit 100 --against zoo:fashion-resnet8',
    ],
  ]);
}

async function run(context: Context, name: string, { count, ...given }: Options, command: Command) {
  const options = { ...given, ...defined({ limit: count ?? given.limit }) };
  if (/^wss?:\/\//.test(name)) {
    checkFlags(command, true);
    return evaluateServed(name, options, context);
  }
  checkFlags(command, false);
  if (!options.private) checkNotPrivate(command);
  const { onProgress, say } = context;
  const { data, split, limit, device: choice } = options;
  const device = await chooseDevice(choice);
  if (choice !== 'cpu') say(`device: ${device}`);
  const model = await loadDescribed(name, options);
  const dataset = await dataFor(context, model, data, split);
  const overlap = overlapWarning(model.graph.history, dataset, 0);
  if (overlap !== undefined) context.warn(`${name}: ${overlap}`);
  const n = Math.min(dataset.n, limit ?? dataset.n);
  const predicted = await predictClasses(model, dataset, n, { onProgress, device });
  const found = scored(dataset, predicted);
  const doubt = await pixelsWarning(model, dataset, found, { device });
  if (doubt !== undefined) context.warn(doubt);
  const simulated = options.private
    ? await simulatedRun(name, options, dataset, predicted, context)
    : undefined;
  const rows = found.per_class.map((row, i) => [
    row.class,
    row.n,
    format.percent(row.accuracy),
    ...(simulated ? [format.percent(simulated.per_class[i]!.accuracy)] : []),
  ]);
  const columns = [{ title: 'class', align: 'left' }, { title: 'images' }, { title: 'accuracy' }] as const;
  const all = simulated ? [...columns, { title: 'private' }] : columns;
  return {
    value: { ...found, ...defined({ private: simulated }) },
    text:
      `${table(all, rows)}\n\n` +
      `accuracy ${format.percent(found.accuracy)} on ${format.count(found.n)} ${split} images of ${data}` +
      (simulated
        ? `\nprivate accuracy (simulated) ${format.percent(simulated.accuracy)}; ${format.count(simulated.agree)} of ` +
          `${format.count(n)} answers are the same (${simulated.images_per_second.toFixed(0)} images per second)`
        : ''),
  };
}

const common = ['data', 'split', 'limit', 'count', 'json', 'verbose'];
const ofPlan: readonly string[] = compileFlagNames;
const ofServer = ['planHash', 'model', 'retry', 'ca', 'tokenFile', 'threads', 'memory', 'profile', 'against'];

/** The options on the command line. */
function givenOn(command: Command): readonly Option[] {
  return command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli');
}

/** Without --private there is no plan, so options of one would say nothing. */
function checkNotPrivate(command: Command): void {
  const bad = givenOn(command).find((option) => ofPlan.includes(option.attributeName()));
  if (bad !== undefined) throw new UsageError(`${bad.long} is for --private: give that too`);
}

/** Refuses options on the command line that say nothing of what is evaluated. */
function checkFlags(command: Command, isServer: boolean): void {
  const bad = givenOn(command).find((option) => {
    const name = option.attributeName();
    return !common.includes(name) && ofServer.includes(name) !== isServer;
  });
  if (bad === undefined) return;
  const what = isServer ? 'a model file; the plan of a server says it' : 'a server, not for a model file';
  throw new UsageError(`${bad.long} is for ${what}: leave it out`);
}

/** Simulates the protocol on the same images, and counts the answers that agree with the float model's. */
async function simulatedRun(
  name: string,
  options: Options,
  dataset: Dataset,
  clear: Uint16Array,
  context: Context,
) {
  const { onProgress } = context;
  const prepared = await preparedModel(name, options.data, context, await compileOptionsOf(options), options);
  const n = clear.length;
  const images = pixels(
    dataset,
    Array.from({ length: n }, (_, i) => i),
  );
  const start = performance.now();
  const found = await simulateSet(prepared, images, n, { onProgress });
  const seconds = (performance.now() - start) / 1000;
  const answers = labelsOf(prepared.plan, found, n);
  const agree = answers.reduce((count, answer, i) => count + (answer === clear[i] ? 1 : 0), 0);
  return {
    answer: prepared.plan.output.answer,
    ...scored(dataset, answers),
    agree,
    images_per_second: n / seconds,
  };
}
