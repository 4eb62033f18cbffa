import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { OnProgress } from '../../shared/progress.ts';
import type { Output } from '../output/output.ts';

/** What a running command may use of the outside world. Nothing here ends the process. */
export type Context = {
  readonly onProgress: OnProgress;
  /** A line for people, on stdout at once; dropped under --json. */
  readonly say: (line: string) => void;
  /** A warning, on stderr at once, under --json too. */
  readonly warn: (line: string) => void;
  /** An output before the command ends, e.g. a server's address. */
  readonly show: (output: Output) => void;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /**
   * For a server: from here on the command ends by itself when the signal is aborted, and lines that cannot be written are
   * dropped.
   */
  readonly staysUp: () => void;
};

/** Wraps a command's work into commander's action: arguments as declared, then options. */
export type Act = <Arguments extends unknown[]>(
  work: (context: Context, ...args: Arguments) => Promise<Output | undefined>,
) => (...args: Arguments) => Promise<void>;

/** `configure` declares arguments, options and examples on a bare command and attaches the work. */
export type CommandModule = { readonly configure: (command: Command, act: Act) => void };

/** Appends example lines to --help. */
export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`);
}

/** A parser for whole numbers in [minimum, maximum]; anything else is a usage error. */
export function whole(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < minimum || value > maximum) {
      const range =
        maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum} on` : `from ${minimum} to ${maximum}`;
      throw new InvalidArgumentError(`Expected a whole number ${range}.`);
    }
    return value;
  };
}

/** A parser for numbers above zero. */
export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError('Expected a number above zero.');
  }
  return value;
}

/** A parser for numbers above zero and up to one. */
export function fraction(text: string): number {
  const value = positive(text);
  if (value > 1) throw new InvalidArgumentError('Expected a number above zero and up to one.');
  return value;
}

/** A parser for numbers from zero to one. */
export function fromZero(text: string): number {
  if (/^0+(\.0*)?$/.test(text)) return 0;
  const value = positive(text);
  if (value > 1) throw new InvalidArgumentError('Expected a number from zero to one.');
  return value;
}

/** A parser for percentage points above zero, '0.5pt' or '0.5', into their number. */
export function tolerancePoints(text: string): number {
  try {
    return positive(text.replace(/ ?pt$/, ''));
  } catch {
    throw new InvalidArgumentError("Expected percentage points above zero, such as '0.5pt'.");
  }
}

/** A parser for percentage points, '2pt' or '0.5 pt', into a fraction. */
export function percentagePoints(text: string): number {
  const value = /^(\d+(\.\d+)?) ?pt$/.exec(text)?.[1];
  if (value === undefined) throw new InvalidArgumentError("Expected percentage points, such as '2pt'.");
  return Number(value) / 100;
}
