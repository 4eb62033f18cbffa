import { Help, InvalidArgumentError } from 'commander';
import type { Command, Option } from 'commander';
import type { OnProgress } from '../../shared/progress.ts';
import type { Output } from '../output/output.ts';

/** What a running command may use of the outside world. Nothing here ends the process. */
export type Context = {
  readonly onProgress: OnProgress;
  /** Prints a line for people on stdout at once; --json drops it. */
  readonly say: (line: string) => void;
  /** Prints a warning on stderr at once, under --json too. */
  readonly warn: (line: string) => void;
  /** Prints an output before the command ends, e.g. a server's address. */
  readonly show: (output: Output) => void;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /**
   * A server calls this once. From then on the command itself ends when the signal is aborted, and lines that
   * cannot be written are dropped.
   */
  readonly staysUp: () => void;
};

/** Wraps a command's work into commander's action: it gets the arguments as declared, then the options. */
export type Act = <Arguments extends unknown[]>(
  work: (context: Context, ...args: Arguments) => Promise<Output | undefined>,
) => (...args: Arguments) => Promise<void>;

/** `configure` declares arguments, options and examples on a bare command and attaches the work. */
export type CommandModule = { readonly configure: (command: Command, act: Act) => void };

/** A command line, and its purpose if that is not obvious. */
export type Example = string | readonly [purpose: string, line: string];

/** Prints examples in --help, before the arguments and options. */
export function examples(command: Command, all: readonly Example[]): Command {
  const lines = all.flatMap((example) =>
    typeof example === 'string' ? [`  $ ${example}`] : [`  # ${example[0]}`, `  $ ${example[1]}`],
  );
  const formatHelp: Help['formatHelp'] = (of, helper) => {
    const [head, rest] = dividedHelp(Help.prototype.formatHelp.call(helper, of, helper));
    return of === command ? `${head}Examples:\n${lines.join('\n')}\n\n${rest}` : head + rest;
  };
  return command.configureHelp({ formatHelp, optionDescription });
}

/** Marks an option as required; commander does not. */
function optionDescription(option: Option): string {
  const text = Help.prototype.optionDescription.call(new Help(), option);
  return option.mandatory ? `${text} (required)` : text;
}

/** The help of a command without its usage, description and examples. */
export function argumentsHelp(command: Command): string {
  const helper = command.createHelp();
  helper.prepareContext({});
  return dividedHelp(Help.prototype.formatHelp.call(helper, command, helper))[1];
}

/** Usage and description; then the lists of arguments, options and commands. */
function dividedHelp(text: string): [head: string, lists: string] {
  const start = text.search(/^(Arguments|Options|Commands):$/m);
  return [text.slice(0, start), text.slice(start)];
}

/** A parser for whole numbers in [minimum, maximum]; anything else is a usage error. */
export function whole(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < minimum || value > maximum) {
      const range =
        maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
      throw new InvalidArgumentError(`Expected a whole number ${range}.`);
    }
    return value;
  };
}

/** A parser for sizes in decimal units, such as 64MB, into bytes. */
export function byteSize(text: string): number {
  const [, value, unit] = /^(\d+(?:\.\d+)?) ?(KB|MB|GB)$/i.exec(text) ?? [];
  const bytes = Math.round(
    Number(value) * 1000 ** (1 + ['KB', 'MB', 'GB'].indexOf(unit?.toUpperCase() ?? '')),
  );
  if (unit !== undefined && bytes <= mostBytes) return bytes;
  throw new InvalidArgumentError('Expected a size up to 1000GB, such as 64MB or 1.5GB.');
}
const mostBytes = 1e12;

/** Collects the values of an option that may be given several times. */
export function repeated(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** A parser for prices: numbers from zero. */
export function price(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('Expected a price of at least zero.');
  }
  return value;
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
  if (value === undefined || Number(value) > 100) {
    throw new InvalidArgumentError("Expected percentage points, at most 100, such as '2pt'.");
  }
  return Number(value) / 100;
}
