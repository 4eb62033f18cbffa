import { join } from 'node:path';
import type { Command } from 'commander';
import { chooseDevice } from '../../../models/runtime/device.ts';
import type { DeviceChoice } from '../../../models/runtime/device.ts';
import type { EngineName } from '../../../models/train/engines/names.ts';
import { trainingDefaults } from '../../../models/train/train-architecture.ts';
import { readRecipe, recipeNames } from '../../../pipelines/recipes/read.ts';
import { runRecipe } from '../../../pipelines/recipes/run.ts';
import { promisedBy } from '../../../pipelines/recipes/schema.ts';
import { writeFileAtomic } from '../../shared/files.ts';
import * as format from '../../shared/format.ts';
import { examples, whole } from '../options/command.ts';
import type { Act, Context } from '../options/command.ts';
import { checkOutput, dataHelp, deviceOption, engineOption } from '../options/inputs.ts';
import { table } from '../output/output.ts';
import type { Output } from '../output/output.ts';

type Options = {
  readonly data: string;
  readonly out: string;
  readonly device: DeviceChoice;
  readonly engine: EngineName;
  readonly seed: number;
  readonly maxSteps?: number;
  readonly batch?: number;
};

const nameHelp = "a name of 'reluctant recipe list', or your own file NAME.json";

/** `recipe list`, `recipe show NAME`, `recipe run NAME --data D --out DIR`: settings of papers, and ours. */
export function configure(command: Command, act: Act): void {
  const listed = command.command('list').description('list the recipes of the package').action(act(list));
  examples(listed, ['reluctant recipe list']);
  const shown = command
    .command('show')
    .description("print a recipe's settings, and how they differ from the paper's");
  shown.argument('<name>', nameHelp).action(act(show));
  examples(shown, ['reluctant recipe show snl-cifar100-resnet18-49k']);
  const ran = command
    .command('run')
    .description("train a recipe's network and reduce it; after a stop, the same command continues")
    .argument('<name>', nameHelp)
    .requiredOption('--data <data>', dataHelp)
    .requiredOption(
      '--out <folder>',
      'write original.onnx, reduced.onnx, result.json, logs and checkpoints here',
    )
    .option('--seed <n>', 'seed of weights, shuffles and augmentation', whole(0), trainingDefaults.seed)
    .option('--max-steps <n>', 'end every training after n steps, to try a recipe', whole(1))
    .option('--batch <n>', "images per step (default: the recipe's; use fewer if memory is short)", whole(1))
    .addOption(deviceOption())
    .addOption(engineOption())
    .action(act(runOne));
  examples(ran, [
    'reluctant recipe run snl-cifar100-resnet18-49k --data cifar100:cifar-100-binary --device auto --out snl',
    [
      'a short trial',
      'reluctant recipe run snl-cifar100-resnet18-49k --data cifar100:cifar-100-binary --max-steps 2 --batch 8 --out trial',
    ],
  ]);
  examples(command, [
    'reluctant recipe list',
    'reluctant recipe show snl-cifar100-resnet18-49k',
    'reluctant recipe run snl-cifar100-resnet18-49k --data cifar100:cifar-100-binary --device auto --out snl',
  ]);
}

async function list(): Promise<Output> {
  const recipes = recipeNames().map((name) => ({ name, ...readRecipe(name) }));
  const columns = [
    { title: 'recipe', align: 'left' },
    { title: 'data', align: 'left' },
    { title: 'ReLUs' },
    { title: 'ReLUs left' },
    { title: 'accuracy' },
    { title: 'said by', align: 'left' },
  ] as const;
  const rows = recipes.map((recipe) => [
    recipe.name,
    recipe.data.like,
    format.count(recipe.relus),
    format.count(promisedBy(recipe).relus),
    percentOf(promisedBy(recipe)),
    'paper' in recipe.origin ? 'the paper' : 'this project',
  ]);
  return Promise.resolve({ value: recipes, text: table(columns, rows) });
}

async function show(_: Context, name: string): Promise<Output> {
  const recipe = readRecipe(name);
  const { title, origin, train, reduce } = recipe;
  const { relus, accuracy } = promisedBy(recipe);
  const result = `${format.percent(accuracy / 100)} with ${format.count(relus)} ReLUs`;
  const settingsText = [`train: ${settings(train)}`, `reduce: ${settings(reduce)}`];
  const lines =
    'paper' in origin
      ? [
          `paper: ${origin.paper}`,
          `numbers from: ${origin.source}`,
          `published: ${result}`,
          ...settingsText,
          'differences from the paper:',
          ...origin.departures.map((line) => `- ${line}`),
        ]
      : [`measured: ${result}, ${origin.measured.on}`, ...settingsText];
  const text = [title, ...lines].join('\n');
  return Promise.resolve({ value: recipe, text });
}

async function runOne({ onProgress, say }: Context, name: string, options: Options): Promise<Output> {
  const { out, device: choice, ...told } = options;
  const recipe = readRecipe(name);
  const resultFile = join(out, 'result.json');
  checkOutput(resultFile);
  const device = await chooseDevice(choice);
  say(`${name}: ${recipe.title}`);
  const found = await runRecipe(recipe, {
    ...told,
    device,
    folder: out,
    onProgress,
    onStart: (runsOn) => say(`training with ${runsOn}`),
  });
  const { original, reduced, reduction } = found;
  const value = {
    recipe: name,
    ...told,
    device,
    relusBefore: reduction.relusBefore,
    relusAfter: reduction.relusAfter,
    accuracyBefore: original.accuracy,
    accuracyAfter: reduced.accuracy,
    n: reduced.n,
    origin: recipe.origin,
    log: reduction.log,
  };
  await writeFileAtomic(resultFile, `${JSON.stringify(value, null, 2)}\n`);
  const trial = options.maxSteps === undefined ? '' : ' (with --max-steps the accuracies mean nothing)';
  const place = 'paper' in recipe.origin ? 'in the paper' : 'measured before';
  return {
    value,
    text:
      `${join(out, 'reduced.onnx')}: ${format.count(value.relusAfter)} of ${format.count(value.relusBefore)} ReLUs, ` +
      `accuracy ${format.percent(reduced.accuracy)} on ${format.count(reduced.n)} test images ` +
      `(before: ${format.percent(original.accuracy)}, ${place}: ${percentOf(promisedBy(recipe))})${trial}`,
  };
}

function percentOf({ accuracy }: ReturnType<typeof promisedBy>): string {
  return format.percent(accuracy / 100);
}

/** 'epochs 200, optimizer (name sgd, momentum 0.9)' */
function settings(values: object): string {
  return Object.entries(values)
    .map(
      ([key, value]) =>
        `${key} ${typeof value === 'object' ? `(${settings(value as object)})` : String(value)}`,
    )
    .join(', ');
}
