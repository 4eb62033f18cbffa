import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { z } from 'zod';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import { defined } from '../../shared/defined.ts';
import { UsageError } from '../../shared/errors.ts';
import { whole } from './command.ts';

/** What overrides the compiler's own choices. */
export type CompileFlags = {
  readonly precision?: number;
  readonly weightBits?: number;
  readonly k?: number | 'free';
  readonly bits?: number;
  readonly mode?: CompileOptions['mode'];
  readonly circa?: string;
};

/** Flags of the commands that compile a model; a client needs none of them, it gets the plan. */
export function compileFlags(command: Command): Command {
  return command
    .option('--precision <bits>', 'of activations; 12 where left out', whole(4, 20))
    .option('--weight-bits <bits>', 'of the largest weight of a layer; 10 where left out', whole(2, 14))
    .option('--k <bit>', "lowest bit of every sign test; 'free' (the default) costs no accuracy", lowestBit)
    .option('--bits <bit>', 'top bit of every sign test; from the data where left out', whole(1, 31))
    .addOption(
      new Option(
        '--mode <mode>',
        'what sign tests with k > 0 get wrong: small positives or negatives',
      ).choices(['posZero', 'negPass']),
    )
    .option('--circa <file>', "k of each layer and the mode, as 'reluctant circa --json' chose them");
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

/** The compiler's options that the flags give. Throws UsageError where two of them contradict each other or the file is none. */
export async function compileOptionsOf(flags: CompileFlags): Promise<Partial<CompileOptions>> {
  const { circa, precision, weightBits, k, bits, mode } = flags;
  if (circa !== undefined && (k !== undefined || mode !== undefined)) {
    throw new UsageError('--circa says what k and the mode are: leave --k and --mode out');
  }
  return {
    ...defined({ precision, weightBits, k, bits, mode }),
    ...(circa !== undefined && (await windowsOf(circa))),
  };
}

async function windowsOf(file: string): Promise<Pick<CompileOptions, 'k' | 'mode'>> {
  try {
    const { best } = circaFile.parse(JSON.parse(await readFile(file, 'utf8')));
    return { k: Object.fromEntries(best.layers.map(({ node, k }) => [node, k])), mode: best.mode };
  } catch (error) {
    const reason = error instanceof z.ZodError ? 'not what reluctant circa --json prints' : String(error);
    throw new UsageError(`--circa ${file}: ${reason}`);
  }
}
