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

/** `design --order S3,S2,S4,S1`: DeepReShape's networks for an order of criticality. */
export function configure(command: Command, act: Act): void {
  command
    .requiredOption('--order <stages>', 'the stages, most critical first, e.g. S3,S2,S4,S1', stageNumbers)
    .option('--stages <n>', 'of the network; each halves height and width', whole(2, 6), 4)
    .option('--blocks <list>', 'basic blocks of each stage; two each where left out', wholeList)
    .option('--base-width <n>', 'channels of the stem and of the first stage', whole(1, 4096), 16)
    .option('--size <n>', 'height and width of the images', whole(1, 4096), 32)
    .option('--channels <n>', 'of the images', whole(1, 4096), 3)
    .option('--classes <n>', 'of the data', whole(2, 65_536), 100)
    .option('--alpha <n>', 'first multiplier in place of the solved one; 2 for low budgets', whole(1, 64))
    .option('--no-stem-relu', 'leave out the ReLU after the first convolution')
    .option('--multipliers <list>', 'which network to write; the first where left out', wholeList)
    .option('--out <file>', 'writes that network, untrained, as .onnx')
    .option('--seed <n>', 'of its weights', whole(0), trainingDefaults.seed)
    .action(act(run));
  examples(command, [
    'reluctant design --stages 4 --base-width 16 --order S3,S2,S4,S1 --size 32 --classes 100',
    'reluctant design --stages 3 --blocks 1,1,1 --order S2,S3,S1 --size 28 --channels 1 --classes 10 --out net.onnx',
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
  const end = out === undefined ? '' : `; ${chosen.name} is in ${out}, untrained`;
  return {
    value: { order: names, blocks, baseWidth, size, channels, classes, networks: designs, ...written },
    text: `${describe(designs)}\n\n${reasonOf(names, options)}${end}`,
  };
}

function reasonOf(names: readonly string[], { alpha }: Options): string {
  const solved = `the smallest multipliers with #ReLU(${names.join(') > #ReLU(')}), the stem's left out`;
  return alpha === undefined ? solved : `${solved}, and the first of them then ${alpha}`;
}

/** Throws UsageError where there is no network, or not that one. */
function chosenOf(
  designs: readonly HybrenetDesign[],
  { multipliers, order, blocks }: Options,
): HybrenetDesign {
  const [first] = designs;
  if (first === undefined)
    throw new UsageError(
      `--order ${order.map((k) => `S${k}`).join(',')}: no multipliers of 2 and more give it to stages of ${blocks?.join(', ')} blocks; change --blocks`,
    );
  const chosen = designs.find(
    (design) => multipliers === undefined || design.multipliers.join() === multipliers.join(),
  );
  if (chosen === undefined)
    throw new UsageError(
      `--multipliers ${multipliers!.join(',')}: not among the solutions ${designs.map((d) => d.multipliers.join(',')).join(' ')}`,
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
    throw new InvalidArgumentError('Expected stages from the most critical one on, such as S3,S2,S4,S1.');
  return names.map((name) => Number(name.slice(1)));
}

/** '2,2,2' or '5x5x3' */
function wholeList(text: string): number[] {
  const parts = text.split(/[,x]/).filter((part) => part !== '');
  if (parts.length === 0 || !parts.every((part) => /^[1-9]\d{0,3}$/.test(part)))
    throw new InvalidArgumentError('Expected whole numbers from 1 on, such as 5,5,3.');
  return parts.map(Number);
}
