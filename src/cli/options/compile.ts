import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { z } from 'zod';
import { mostLeftOut } from '../../../models/graph.ts';
import type { LeftOut } from '../../../models/graph.ts';
import { defaultCompileOptions } from '../../../pipelines/compile/options.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import type { AnswerKind } from '../../../pipelines/plan/plan.ts';
import { agreementRange, isAgreement } from '../../../pipelines/simulate/agreement-bound.ts';
import { defined } from '../../shared/defined.ts';
import { UsageError } from '../../shared/errors.ts';
import { answerOption } from './answer.ts';
import { whole } from './command.ts';
import { readNamedFile } from './named-file.ts';

/** The two modes in words. */
export const modeHelp =
  'posZero: small positive values become zero\nnegPass: small negative values stay as they are';

/** Options that override the compiler's own choices. */
export type CompileFlags = {
  readonly agreement?: number;
  readonly precision?: number;
  readonly activationBits?: number;
  readonly weightBits?: number;
  readonly leftOut?: LeftOut;
  readonly k?: number | 'free';
  readonly bits?: number;
  readonly mode?: CompileOptions['mode'];
  readonly circa?: string;
  readonly answer?: AnswerKind;
};

/** The names of these options. */
export const compileFlagNames = Object.keys({
  agreement: 0,
  precision: 0,
  activationBits: 0,
  weightBits: 0,
  leftOut: 0,
  k: 0,
  bits: 0,
  mode: 0,
  circa: 0,
  answer: 0,
} satisfies { [K in keyof Required<CompileFlags>]: 0 });

/** The compiler's options, and the agreement that chooses its bits. */
export type PlanOptions = Partial<CompileOptions> & { readonly agreement?: number };

/** Adds the options of the commands that compile a model. A client needs none of them: it gets the plan. */
export function compileFlags(command: Command): Command {
  const { activationBits, weightBits, mode } = defaultCompileOptions;
  return command
    .option(
      '--agreement <share>',
      "choose the bits: the fewest bytes with which this share of answers has the model's label, such as 0.99, by " +
        'simulation on training images of --data. It replaces --precision, --activation-bits, --weight-bits and --left-out',
      agreementShare,
    )
    .option(
      '--precision <bits>',
      'fraction bits of activations (default: chosen for each layer from the data)',
      whole(4, 20),
    )
    .option(
      '--activation-bits <bits>',
      `bits of each ReLU's outputs below their root mean square (default: ${activationBits}); fewer cost fewer bytes`,
      whole(4, 12),
    )
    .option(
      '--weight-bits <bits>',
      `bits of the largest weight of each layer (default: ${weightBits})`,
      whole(2, 14),
    )
    .option(
      '--left-out <layers>',
      'low bits that the sign tests of these layers skip beyond those that cost no accuracy, such as stem.relu=5,stage1.relu=3; ' +
        '--agreement prints what it chose (default: what the file of the model says)',
      leftOutOf,
    )
    .option(
      '--k <bits>',
      "low bits that each sign test skips; 'free' skips only bits that cost no accuracy: those that a ReLU's rounding drops, and those finer than the weights' rounding in a max pool (default: free)",
      lowestBit,
    )
    .option('--bits <bit>', 'top bit of each sign test (default: from the data)', whole(1, 31))
    .addOption(
      new Option(
        '--mode <mode>',
        `the error of sign tests that skip bits (default: ${mode})\n${modeHelp}`,
      ).choices(['posZero', 'negPass']),
    )
    .addOption(
      answerOption(
        'what clients learn: all logits, or the label alone, for clients whom you do not know (default: logits)',
      ),
    )
    .option('--circa <file>', "k of each layer and the mode, from the output of 'reluctant circa --json'");
}

/** A parser for a share that `isAgreement` takes. */
export function agreementShare(text: string): number {
  const value = Number(text);
  if (isAgreement(value)) return value;
  throw new InvalidArgumentError(`Expected a share ${agreementRange}, such as 0.99.`);
}

/** 'stem.relu=5,stage1.relu=3'; a name may have commas and equals signs itself. */
function leftOutOf(text: string): LeftOut {
  const parts = [...text.matchAll(/(.+?)=(\d+)(?:,|$)/gy)];
  const isWhole = parts.reduce((length, [part]) => length + part.length, 0) === text.length;
  const leftOut = Object.fromEntries(parts.map(([, layer, bits]) => [layer!, Number(bits)]));
  if (isWhole && parts.length > 0 && Object.values(leftOut).every((bits) => bits <= mostLeftOut))
    return leftOut;
  throw new InvalidArgumentError(
    `Expected layers and bits from 0 to ${mostLeftOut}, such as stem.relu=5,stage1.relu=3.`,
  );
}

function lowestBit(text: string): number | 'free' {
  if (text === 'free') return text;
  try {
    return whole(0, 30)(text);
  } catch {
    throw new InvalidArgumentError("Expected 'free' or a whole number from 0 to 30.");
  }
}

const circaFile = z.object({
  best: z.object({
    mode: z.enum(['posZero', 'negPass']),
    layers: z.array(z.object({ node: z.string(), k: z.int().min(0).max(30) })).min(1),
  }),
});

/**
 * The compiler options that the flags give. Throws UsageError if --circa comes with --k or --mode, and for a
 * file that `circa --json` did not print.
 */
export async function compileOptionsOf(flags: CompileFlags): Promise<PlanOptions> {
  const { circa, agreement, precision, activationBits, weightBits, leftOut, k, bits, mode, answer } = flags;
  const own = [precision, activationBits, weightBits, leftOut].some((value) => value !== undefined);
  if (agreement !== undefined && own) {
    throw new UsageError(
      '--agreement chooses bits: leave --precision, --activation-bits, --weight-bits and --left-out out',
    );
  }
  if (precision !== undefined && activationBits !== undefined)
    throw new UsageError('--precision sets one scale for all: leave --activation-bits out');
  if (circa !== undefined && (k !== undefined || mode !== undefined)) {
    throw new UsageError('--circa sets k and the mode: leave --k and --mode out');
  }
  return {
    ...defined({ agreement, precision, activationBits, weightBits, leftOut, k, bits, mode, answer }),
    ...(circa !== undefined && (await windowsOf(circa))),
  };
}

async function windowsOf(file: string): Promise<Pick<CompileOptions, 'k' | 'mode'>> {
  const text = String(await readNamedFile('--circa', file));
  try {
    const { best } = circaFile.parse(JSON.parse(text));
    return { k: Object.fromEntries(best.layers.map(({ node, k }) => [node, k])), mode: best.mode };
  } catch {
    throw new UsageError(`--circa ${file}: expected the output of 'reluctant circa --json'`);
  }
}
