import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import { sessionSetting } from '../../../../models/runtime/device.ts';
import { groupsBySpec } from '../../../../models/fairness/group-spec.ts';
import { pixelsWarning } from '../../../../models/train/doubtful-pixels.ts';
import { evaluate } from '../../../../models/train/evaluate.ts';
import { budgetForms } from '../../../../pipelines/cost/budget.ts';
import type { Budget } from '../../../../pipelines/cost/budget.ts';
import { activationForms, withForm } from '../../../../pipelines/reduce/activations.ts';
import type { ActivationForm } from '../../../../pipelines/reduce/activations.ts';
import { methodNames, methods } from '../../../../pipelines/reduce/methods.ts';
import type { MethodName } from '../../../../pipelines/reduce/methods.ts';
import { defined } from '../../../shared/defined.ts';
import * as format from '../../../shared/format.ts';
import { UsageError } from '../../../shared/errors.ts';
import { examples, whole } from '../../options/command.ts';
import type { Act, Context } from '../../options/command.ts';
import { writeBudgets, writeFamily } from './family.ts';
import { addComputeOptions, addThreadsOption, computingOf } from '../../options/computing.ts';
import type { ComputeOptions } from '../../options/computing.ts';
import {
  checkAgainst,
  checkSettings,
  costText,
  countOf,
  machineOf,
  addSettingOptions,
  budgetList,
  settingsOf,
} from './settings.ts';
import type { SettingOptions } from './settings.ts';
import { describeFlags } from '../../options/describe.ts';
import { dataFor, loadDescribed } from '../../options/described.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { checkFolder, checkOutput, dataHelp, modelHelp } from '../../options/inputs.ts';
import { keepNetwork } from '../../options/keep-network.ts';
import {
  addMitigationOptions,
  describeMultipliers,
  describePrice,
  isMitigated,
  mitigationOf,
  openAgainst,
  priceOfMitigation,
} from './mitigating.ts';
import type { MitigationOptions } from './mitigating.ts';
import { takersOf } from '../../../../pipelines/reduce/options.ts';
import { table } from '../../output/output.ts';
import type { Output } from '../../output/output.ts';
import { reduce, reduceDefaults } from '../../../../pipelines/reduce/reduce.ts';

type Options = ComputeOptions &
  DescribeFlags &
  MitigationOptions &
  SettingOptions & {
    readonly method: MethodName;
    readonly budget?: readonly Budget[];
    readonly data: string;
    readonly out: string;
    readonly epochs: number;
    readonly finalOnAll?: boolean;
    readonly seed: number;
    readonly activations?: ActivationForm;
  };

/** `reduce MODEL --method M --budget N --data D --out OUT.onnx`: removes ReLUs and fine-tunes. */
export function configure(command: Command, act: Act): void {
  const summaries = methodNames.map((name) => `${name}: ${methods[name].summary}`).join('\n');
  command
    .argument('<model>', modelHelp)
    .addOption(
      new Option('--method <name>', `how to choose the ReLUs to remove\n${summaries}`)
        .choices(methodNames)
        .makeOptionMandatory(),
    )
    .option(
      '--budget <list>',
      `one budget, or several separated by commas: ${budgetForms}. Seconds and bytes need method ${takersOf('costBudget').join(' or ')}`,
      budgetList,
    )
    .requiredOption('--data <data>', dataHelp)
    .requiredOption(
      '--out <file>',
      'write the network to this .onnx file; several networks go to this folder',
    )
    .addOption(
      new Option(
        '--activations <form>',
        'first replace sigmoids, tanh, swishes and their like by straight pieces (relu) or polynomials ' +
          '(quadratic), and train; the budget counts what is left',
      ).choices(activationForms),
    )
    .option('--epochs <n>', 'epochs of fine-tuning', whole(1), reduceDefaults.epochs)
    .option(
      '--final-on-all',
      'give the validation images back to the last fine-tuning, and keep its last epoch; there is then no validation accuracy',
    )
    .option('--seed <n>', 'seed of shuffles and augmentation', whole(0), reduceDefaults.seed)
    .action(act(run));
  addComputeOptions(command);
  addThreadsOption(command);
  describeFlags(command);
  addSettingOptions(command.optionsGroup('Options of methods:'));
  addMitigationOptions(command.optionsGroup('Options of fairness:'));
  examples(command, [
    [
      'keep a quarter of the ReLUs',
      'reluctant reduce zoo:fashion-resnet8 --method deepreduce --budget 0.25 --data fashion-mnist-part --out reduced.onnx',
    ],
    [
      'continue after a stop',
      'reluctant reduce zoo:fashion-resnet8 --method autorep --budget 0.06 --data fashion-mnist --checkpoint run --out reduced.onnx',
    ],
    [
      'an inference may take one second online on a wide-area network',
      'reluctant reduce zoo:fashion-resnet8 --method hybrid --budget 1s@wan --data fashion-mnist-part --out fast.onnx',
    ],
    [
      'a network with swishes, which the protocol does not have',
      'reluctant reduce efficientnet.onnx --method snl --activations relu --budget 0.5 --data folder:images@224 --out reduced.onnx',
    ],
    [
      'several networks',
      'reluctant reduce net.onnx --method deepreduce --budget 0.5,0.25,0.12 --data folder:images@32 --out reduced',
    ],
    [
      "all networks of DeepReDuce's family",
      'reluctant reduce zoo:fashion-resnet8 --method deepreduce --family --data fashion-mnist-part --out family',
    ],
    [
      'keep groups from losing more accuracy than others',
      'reluctant reduce net.onnx --method deepreduce --budget 0.1 --data csv:faces.csv --mitigate primal-dual --groups race --out fair.onnx',
    ],
  ]);
}

async function run(context: Context, name: string, options: Options): Promise<Output> {
  const { method, budget: budgets = [], family = false } = options;
  checkSettings(method, budgets, options);
  if (family && budgets.length > 0)
    throw new UsageError('--family takes the place of --budget: give one of them');
  if (family && options.finalOnAll === true)
    throw new UsageError('--final-on-all does not go with --family; give --budget');
  if (family && options.checkpoint !== undefined)
    throw new UsageError(
      '--checkpoint needs --budget; the same --family command continues after the networks it has written',
    );
  const [budget, ...others] = budgets;
  if (!family && budget === undefined)
    throw new UsageError('--budget: expected the ReLUs to keep, such as 0.25 or 0.5,0.25; or give --family');
  if (options.checkpoint !== undefined) checkFolder(options.checkpoint, '--checkpoint');
  return family || others.length > 0
    ? reduceToSeveral(context, name, options)
    : reduceToOne(context, name, budget!, options);
}

async function reduceToSeveral(
  { onProgress, say }: Context,
  name: string,
  options: Options,
): Promise<Output> {
  const { method, budget: budgets, data, out, epochs, seed, against } = options;
  if (against !== undefined)
    throw new UsageError('--against needs exactly one budget; there are several networks');
  if (options.control === true)
    throw new UsageError('--control needs exactly one budget; there are several networks');
  if (existsSync(out) && !statSync(out).isDirectory())
    throw new UsageError(`--out ${out}: is a file; give a folder for several networks`);
  checkOutput(join(out, 'networks.json'));
  if (budgets === undefined && (options.alpha !== undefined || options.rho !== undefined))
    throw new UsageError(
      '--alpha and --rho do not go with --family, which makes networks with 1 and 1/2 of both',
    );
  if (budgets === undefined && options.cull !== undefined)
    throw new UsageError('--cull does not go with --family, which culls each number of stages');
  if (budgets === undefined && isMitigated(options))
    throw new UsageError('--mitigate and --fair-select do not go with --family; give --budget');
  const mitigation = mitigationOf(options);
  const { setting } = await computingOf(options, say);
  const own = { ...settingsOf(options), ...(await machineOf(method)) };
  const plain = { data, epochs, seed, onProgress, ...setting, ...own, ...taughtAs(options) };
  const model = await loadDescribed(name, options);
  budgets?.forEach((budget) => countOf(withForm(model, options.activations), budget));
  const test = await dataFor({ say, onProgress }, model, data, 'test');
  const task = { model, test, out, say, evaluation: { ...sessionSetting(setting), onProgress } };
  return budgets === undefined
    ? writeFamily(task, plain)
    : writeBudgets(task, budgets, { ...plain, ...mitigation, method });
}

/**
 * What is trained before and after the method's own work. Throws UsageError for what does not go
 * together.
 */
function taughtAs({ activations, finalOnAll, ...options }: Options) {
  if (finalOnAll === true && options.mitigate !== undefined)
    throw new UsageError('--final-on-all does not go with --mitigate: give one of them');
  if (activations !== undefined && options.control === true)
    throw new UsageError('--control does not go with --activations: first make a network with ReLUs alone');
  return defined({ activations, finalOnAll });
}

async function reduceToOne(
  { onProgress, say, warn }: Context,
  name: string,
  budget: Budget,
  options: Options,
): Promise<Output> {
  const { method, data, out, epochs, seed } = options;
  checkOutput(out);
  const settings = { ...settingsOf(options), ...(await machineOf(method)) };
  const mitigation = mitigationOf(options);
  const model = await loadDescribed(name, options);
  const count = countOf(withForm(model, options.activations), budget);
  checkAgainst(count, options.against);
  const without = count === undefined ? undefined : await openAgainst(options, count);
  const test = await dataFor({ say, onProgress }, model, data, 'test');
  if (options.groups !== undefined) groupsBySpec(test, options.groups);
  const { setting, runsOn } = await computingOf(options, say);
  const evaluation = { ...sessionSetting(setting), onProgress };
  const before = await evaluate(model, test, evaluation);
  const doubt = await pixelsWarning(model, test, before, sessionSetting(setting));
  if (doubt !== undefined) warn(`${name}: ${doubt}`);
  const told = { ...setting, ...settings, ...taughtAs(options) };
  const plain = { method, budget, data, epochs, seed, onProgress, ...told };
  const found = await reduce(model, { ...plain, ...mitigation });
  await keepNetwork(out, found.model, { warn });
  const after = await evaluate(found.model, test, evaluation);
  const { relusBefore, relusAfter, log, validationAccuracy, history, multipliers, cost, built } = found;
  const price = isMitigated(options)
    ? await priceOfMitigation({ original: model, reduced: found.model, without }, test, options, plain)
    : undefined;
  const rows = log.map((row) => [
    row.layer,
    row.stage,
    format.count(row.relus_before),
    format.count(row.relus_after),
    row.reason,
  ]);
  const columns = [
    { title: 'layer', align: 'left' },
    { title: 'stage', align: 'left' },
    { title: 'ReLUs before' },
    { title: 'after' },
    { title: 'reason', align: 'left' },
  ] as const;
  return {
    value: {
      out,
      method,
      budget: found.budget,
      relusBefore,
      relusAfter,
      accuracyBefore: before.accuracy,
      accuracyAfter: after.accuracy,
      n: after.n,
      validationAccuracy,
      log,
      history,
      runsOn: runsOn(),
      ...defined({ built, cost }),
      ...(price && { price, multipliers }),
    },
    text:
      `${table(columns, rows)}\n\n${out}: ${format.count(relusAfter)} of ${format.count(relusBefore)} ReLUs, ` +
      `accuracy ${format.percent(after.accuracy)} on ${format.count(after.n)} test images (before: ${format.percent(before.accuracy)})` +
      (built === undefined ? '' : `\n${built}`) +
      costText(cost) +
      (price ? `\n\n${describePrice(price)}\n${describeMultipliers(multipliers)}`.trimEnd() : ''),
  };
}
