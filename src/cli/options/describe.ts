import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { normalisationNames } from '../../../models/preprocessing.ts';
import type { NormalisationName } from '../../../models/preprocessing.ts';
import { defined } from '../../shared/defined.ts';
import { whole } from './command.ts';
import { sizeOption } from './inputs.ts';
import type { SizeFlag } from './inputs.ts';

/** What the user says of a model that its file does not say. */
export type DescribeFlags = SizeFlag & {
  readonly normalise?: NormalisationName;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly scale?: number;
  readonly resize?: number;
  readonly classes?: string;
};

/** Of all flags of a command, those that describe its model. */
export function describing(flags: DescribeFlags): DescribeFlags {
  const { size, normalise, mean, std, scale, resize, classes } = flags;
  return defined({ size, normalise, mean, std, scale, resize, classes });
}

/**
 * Adds the options that say what a model's pixels and classes are. They go before what the file says, and
 * files that the command writes keep them.
 */
export function describeFlags(command: Command): Command {
  return pixelFlags(command.optionsGroup('Options of the model:').addOption(sizeOption())).option(
    '--classes <file>',
    'names of the classes, one a line, in the order of the logits',
  );
}

/** Adds those of the options of `describeFlags` that say how pixels become the model's input. */
export function pixelFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--normalise <preset>',
        "how pixels become the model's input (default: as the file says, or unit)\n" +
          'imagenet, cifar10: with the means and standard deviations of these images\n' +
          'unit: 0 to 1; symmetric: -1 to 1; 255: 0 to 255',
      ).choices(normalisationNames),
    )
    .option(
      '--mean <list>',
      'subtract this mean: one number, or one for each channel such as 0.485,0.456,0.406 (default: 0)',
      numbers,
    )
    .option('--std <list>', 'then divide by this standard deviation, in the same form (default: 1)', numbers)
    .option(
      '--scale <factor>',
      'first multiply pixels of 0 to 255 by this; --mean and --std are in that unit (default: 1/255)',
      factor,
    )
    .option(
      '--resize <pixels>',
      "scale a picture's shorter side to this before its centre is cropped (default: as short as possible)",
      whole(1, 65_536),
    );
}

function numbers(text: string): number[] {
  const list = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (list.every(Number.isFinite)) return list;
  throw new InvalidArgumentError('Expected a number, or numbers separated by commas.');
}

function factor(text: string): number {
  const [, above = '', , below] = /^([^/]+)(\/(.+))?$/.exec(text) ?? [];
  const value = Number(above) / (below === undefined ? 1 : Number(below));
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above zero, such as 1 or 1/255.');
}

/** Whether the flags say anything of the model that a file of it would keep. */
export function isDescribed({ normalise, mean, std, scale, resize, classes, size }: DescribeFlags): boolean {
  return [normalise, mean, std, scale, resize, classes, size].some((flag) => flag !== undefined);
}
