import { Option } from 'commander';
import type { Command } from 'commander';
import { loadDataset } from '../../../models/data/dataset.ts';
import { groupsBySpec } from '../../../models/fairness/group-spec.ts';
import { saveModel } from '../../../models/onnx/write.ts';
import { evaluate } from '../../../models/train/evaluate.ts';
import { recipeDefaults } from '../../../models/train/recipe.ts';
import { methodNames, methods } from '../../../pipelines/methods.ts';
import type { MethodName } from '../../../pipelines/methods.ts';
import { resolveBudget } from '../../../pipelines/reduction.ts';
import * as format from '../../shared/format.ts';
import { examples, positive, whole } from '../command.ts';
import type { Act, Context } from '../command.ts';
import { checkOutput, dataHelp, modelHelp, openModel } from '../inputs.ts';
import {
  addMitigationOptions,
  describeMultipliers,
  describePrice,
  isMitigated,
  mitigationOf,
  openAgainst,
  priceOfMitigation,
} from '../mitigating.ts';
import type { MitigationOptions } from '../mitigating.ts';
import { table } from '../output.ts';
import type { Output } from '../output.ts';
import { reduceModel } from '../reducing.ts';

type Options = MitigationOptions & {
  readonly method: MethodName;
  readonly budget: number;
  readonly data: string;
  readonly out: string;
  readonly epochs: number;
  readonly seed: number;
};

/** `reduce MODEL --method M --budget N --data D --out OUT.onnx`: fewer ReLUs, fine-tuned. */
export function configure(command: Command, act: Act): void {
  const summaries = methodNames.map((name) => `${name}: ${methods[name].summary}`).join('; ');
  command
    .argument('<model>', modelHelp)
    .addOption(new Option('--method <name>', summaries).choices(methodNames).makeOptionMandatory())
    .requiredOption('--budget <n>', 'ReLUs to keep: a count, or a share such as 0.25', positive)
    .requiredOption('--data <data>', dataHelp)
    .requiredOption('--out <file>', 'the .onnx file to write')
    .option('--epochs <n>', 'of fine-tuning', whole(1), 4)
    .option('--seed <n>', 'of validation split, shuffles and augmentation', whole(0), recipeDefaults.seed)
    .action(act(run));
  addMitigationOptions(command);
  examples(command, [
    'reluctant reduce zoo:fashion-resnet8 --method deepreduce --budget 0.25 --data fashion-mnist-part --out reduced.onnx',
    'reluctant reduce net.onnx --method deepreduce --budget 0.1 --data csv:faces.csv --mitigate primal-dual --groups race --out fair.onnx',
  ]);
}

async function run({ onProgress }: Context, name: string, options: Options): Promise<Output> {
  const { method, budget, data, out, epochs, seed } = options;
  checkOutput(out);
  const mitigation = mitigationOf(options);
  const model = await openModel(name);
  const without = await openAgainst(options, resolveBudget(model, budget));
  const test = await loadDataset(data, 'test');
  if (options.groups !== undefined) groupsBySpec(test, options.groups);
  const before = await evaluate(model, test, { onProgress });
  const plain = { method, budget, data, epochs, seed, onProgress };
  const found = await reduceModel(model, { ...plain, ...mitigation });
  await saveModel(out, found.model);
  const after = await evaluate(found.model, test, { onProgress });
  const { relusBefore, relusAfter, log, validationAccuracy, history, multipliers } = found;
  const price = isMitigated(options)
    ? await priceOfMitigation({ original: model, reduced: found.model, without }, test, options.groups, plain)
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
    { title: 'why', align: 'left' },
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
      ...(price && { price, multipliers }),
    },
    text:
      `${table(columns, rows)}\n\n${out}: ${format.count(relusAfter)} of ${format.count(relusBefore)} ReLUs, ` +
      `${format.percent(after.accuracy)} of ${format.count(after.n)} test images right (before: ${format.percent(before.accuracy)})` +
      (price ? `\n\n${describePrice(price)}\n${describeMultipliers(multipliers)}`.trimEnd() : ''),
  };
}
