import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { designHybrenets } from '../../../models/architectures/hybrenet-designs.ts';
import type { HybrenetDesign } from '../../../models/architectures/hybrenet-designs.ts';
import { hybrenet } from '../../../models/architectures/hybrenet.ts';
import { seededRng } from '../../../models/data/seeded.ts';
import { saveModel } from '../../../models/files/write.ts';
import { trainingDefaults } from '../../../models/train/train-architecture.ts';
import { defined } from '../../shared/defined.ts';
import { UsageError } from '../../shared/errors.ts';
import * as format from '../../shared/format.ts';
import { examples, whole } from '../options/command.ts';
import type { Act, Context } from '../options/command.ts';
import { checkOutput } from '../options/inputs.ts';
import { table } from '../output/output.ts';
import type { Column, Output } from '../output/output.ts';

type Options = {
  readonly stages: number;
  readonly blocks?: readonly number[];
  readonly baseWidth: number;
  readonly order: readonly number[];
  readonly size: number;
  readonly channels: number;
  readonly classes: number;
  readonly alpha?: number;
  readonly stemRelu: boolean;
  readonly multipliers?: readonly number[];
  readonly out?: string;
  readonly seed: number;
};

/** `design --order S3,S2,S4,S1`: the networks of DeepReShape for an order of criticality. */
export function configure(command: Command, act: Act): void {
  command
    .requiredOption('--order <stages>', 'stages, the most critical first, e.g. S3,S2,S4,S1', stageNumbers)
    .option('--stages <n>', 'number of stages; each after the first halves height and width', whole(2, 6), 4)
    .option('--blocks <list>', 'basic blocks of each stage, e.g. 2,2,2,2 (default: 2 each)', wholeList)
    .option('--base-width <n>', 'channels of the stem and of the first stage', whole(1, 4096), 16)
    .option('--size <n>', 'height and width of the images in pixels', whole(1, 4096), 32)
    .option('--channels <n>', 'channels of the images', whole(1, 4096), 3)
    .option('--classes <n>', 'number of classes', whole(2, 65_536), 100)
    .option(
      '--alpha <n>',
      'use this first multiplier instead of the computed one; 2 suits low budgets',
      whole(1, 64),
    )
    .option('--no-stem-relu', 'leave out the ReLU after the first convolution')
    .option(
      '--multipliers <list>',
      'write the network with these multipliers, e.g. 5,5,3 (default: the first)',
      wholeList,
    )
    .option('--out <file>', 'write one network, untrained, to this .onnx file')
    .option('--seed <n>', 'seed of its weights', whole(0), trainingDefaults.seed)
    .action(act(run));
  examples(command, [
    'reluctant design --stages 4 --base-width 16 --order S3,S2,S4,S1 --size 32 --classes 100',
    [
      'write the first network',
      'reluctant design --stages 3 --blocks 1,1,1 --order S2,S3,S1 --size 28 --channels 1 --classes 10 --out net.onnx',
    ],
  ]);
}

async function run(_: Context, options: Options): Promise<Output> {
  const { stages, order, size, channels, classes, out, seed, alpha, stemRelu, baseWidth } = options;
  const blocks = options.blocks ?? Array.from({ length: stages }, () => 2);
  if (blocks.length !== stages)
    throw new UsageError(
      `--blocks: expected ${stages} numbers, one for each of --stages, got ${blocks.join(',')}`,
    );
  if (out !== undefined) checkOutput(out);
  const shared = { inChannels: channels, size, classes, baseWidth, blocks, stemRelu };
  const designs = designHybrenets({ ...shared, order, ...defined({ alpha }) });
  const chosen = chosenOf(designs, options);
  if (out !== undefined)
    await saveModel(out, hybrenet({ ...shared, multipliers: chosen.multipliers }, seededRng(seed)));
  const names = order.map((k) => `S${k}`);
  const written = out === undefined ? {} : { out, written: chosen.name };
  const end = out === undefined ? '' : `\n${chosen.name} is in ${out}, untrained`;
  return {
    value: { order: names, blocks, baseWidth, size, channels, classes, networks: designs, ...written },
    text: `${describe(designs)}\n\n${reasonOf(names, options)}${end}`,
  };
}

function reasonOf(names: readonly string[], { alpha }: Options): string {
  const solved = `These are the smallest multipliers with #ReLU(${names.join(') > #ReLU(')}), without the stem`;
  return alpha === undefined ? `${solved}.` : `${solved}; the first multiplier is then set to ${alpha}.`;
}

/** Throws UsageError if no network has this order, or none has these multipliers. */
function chosenOf(
  designs: readonly HybrenetDesign[],
  { multipliers, order, blocks }: Options,
): HybrenetDesign {
  const [first] = designs;
  if (first === undefined)
    throw new UsageError(
      `--order ${order.map((k) => `S${k}`).join(',')}: no multipliers of 2 and more give this order to stages of ${blocks?.join(', ') ?? '2'} blocks; change --blocks`,
    );
  const chosen = designs.find(
    (design) => multipliers === undefined || design.multipliers.join() === multipliers.join(),
  );
  if (chosen === undefined)
    throw new UsageError(
      `--multipliers ${multipliers!.join(',')}: no network has them; there are ${designs.map((d) => d.multipliers.join(',')).join(' ')}`,
    );
  return chosen;
}

function describe(designs: readonly HybrenetDesign[]): string {
  const stages = designs[0]!.stages;
  const columns: Column[] = [
    { title: 'network', align: 'left' },
    { title: 'channels', align: 'left' },
    ...stages.map(({ name }) => ({ title: `ReLUs ${name}` })),
    { title: 'stem' },
    { title: 'all' },
    { title: 'multiplications' },
    { title: 'parameters' },
  ];
  const rows = designs.map((design) => [
    design.name,
    design.stages.map(({ channels }) => channels).join(' '),
    ...design.stages.map(({ relus }) => format.count(relus)),
    format.count(design.stemRelus),
    format.count(design.relus),
    format.count(design.macs),
    format.count(design.params),
  ]);
  return table(columns, rows);
}

/** 'S3,S2,S4,S1' */
function stageNumbers(text: string): number[] {
  const names = text.split(',').map((name) => name.trim());
  if (!names.every((name) => /^S[1-9]\d*$/.test(name)))
    throw new InvalidArgumentError('Expected stages, the most critical first, such as S3,S2,S4,S1.');
  return names.map((name) => Number(name.slice(1)));
}

/** '2,2,2' or '5x5x3' */
function wholeList(text: string): number[] {
  const parts = text.split(/[,x]/).filter((part) => part !== '');
  if (parts.length === 0 || !parts.every((part) => /^[1-9]\d{0,3}$/.test(part)))
    throw new InvalidArgumentError('Expected whole numbers of at least 1, such as 5,5,3.');
  return parts.map(Number);
}
