import type { Act, Context } from './options/command.ts';
import { describeFailure } from './output/failure.ts';
import { forTerminal } from './output/for-terminal.ts';
import { toJson } from './output/output.ts';
import type { Output } from './output/output.ts';
import { progressView } from './output/progress.ts';
import type { ProgressStream } from './output/progress.ts';
import { buildProgram, commandIn } from './program.ts';

/** What a command line has of the process that it runs in. */
export type Surroundings = {
  readonly version: string;
  /** Takes text for stdout. */
  readonly write: (text: string) => void;
  /** Whether people read stdout: JSON is indented then. */
  readonly isTerminal: boolean;
  /** Takes progress, warnings and the reason of a failure. */
  readonly stderr: ProgressStream;
  /** The signal of `Context`. `cleanUp` is called before anything else is printed. */
  readonly untilStopped: (cleanUp: () => void) => AbortSignal;
  /** As that of `Context`. */
  readonly staysUp: () => void;
};

/** Runs a command line, without node and script, and returns its exit code. It never rejects. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { version, write, isTerminal, stderr, untilStopped, staysUp } = surroundings;
  const progress = await progressView(stderr);
  const json = argv.includes('--json');
  const print = (line: string) => {
    progress.stop();
    write(`${forTerminal(line)}\n`);
  };
  const show = ({ value, text }: Output) =>
    print(json ? JSON.stringify(toJson(value), null, isTerminal ? 2 : 0) : text);
  const context: Context = {
    onProgress: progress.onProgress,
    say: (line) => (json ? undefined : print(line)),
    warn: (line) => {
      progress.stop();
      stderr.write(`reluctant: warning: ${forTerminal(line)}\n`);
    },
    show,
    signal: untilStopped(() => progress.stop()),
    staysUp,
  };
  const act: Act =
    (work) =>
    async (...args) => {
      const output = await work(context, ...args);
      if (output) show(output);
    };
  try {
    const program = await buildProgram(argv, version, act, write);
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    progress.stop();
    return fail(error, argv, stderr);
  }
}

/** Prints one line, and with --verbose the stack trace. Returns the exit code. */
function fail(error: unknown, argv: readonly string[], stderr: ProgressStream): number {
  const { line, stack, code } = describeFailure(error, commandIn(argv));
  if (line !== '') stderr.write(`reluctant: ${line}\n`);
  if (argv.includes('--verbose') && stack !== '') stderr.write(`${stack}\n`);
  return code;
}
