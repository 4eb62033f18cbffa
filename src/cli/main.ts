#!/usr/bin/env node
// The only file that prints or ends the process. It must run on old versions of Node to be able to say that they are too
// old, so everything else is imported after that check.
import { readFileSync, writeSync } from 'node:fs';
import type { Act, Context } from './options/command.ts';
import type { Output } from './output/output.ts';

/** engines in package.json. */
const oldestNode = [22, 18] as const;

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
}

async function main(argv: readonly string[]): Promise<number> {
  const [{ buildProgram }, { progressView }, { toJson }] = await Promise.all([
    import('./program.ts'),
    import('./output/progress.ts'),
    import('./output/output.ts'),
  ]);
  const progress = progressView(process.stderr);
  const json = argv.includes('--json');
  const print = (line: string) => {
    progress.stop();
    write(`${line}\n`);
  };
  const show = ({ value, text }: Output) =>
    print(json ? JSON.stringify(toJson(value), null, process.stdout.isTTY ? 2 : 0) : text);
  const context: Context = {
    onProgress: progress.onProgress,
    say: (line) => (json ? undefined : print(line)),
    warn: (line) => {
      progress.stop();
      process.stderr.write(`reluctant: warning: ${line}\n`);
    },
    show,
    signal: untilStopped(() => progress.stop()),
    staysUp: () => void (thisProcess.staysUp = true),
  };
  const act: Act =
    (work) =>
    async (...args) => {
      const output = await work(context, ...args);
      if (output) show(output);
    };
  try {
    const program = await buildProgram(argv, packageVersion(), act);
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    progress.stop();
    return await fail(error, argv.includes('--verbose'));
  }
}

/** Prints one line, or the stack too where asked for; returns the exit code. */
async function fail(error: unknown, verbose: boolean): Promise<number> {
  const { describeFailure } = await import('./output/failure.ts');
  const { line, stack, code } = describeFailure(error);
  if (line !== '') process.stderr.write(`reluctant: ${line}\n`);
  if (verbose && stack !== '') process.stderr.write(`${stack}\n`);
  return code;
}

/** Of this process. `staysUp`: the command is a server, which ends by itself when it is told to and not with its log. */
const thisProcess = { staysUp: false };

/** Milliseconds in which a second signal is the first one again: a terminal and npm both pass Ctrl-C on. */
const sameSignal = 500;

/**
 * Ctrl-C or SIGTERM: whoever listens to the signal ends its children at once; files are written whole or not at all. A server is
 * told and ends by itself; a second signal ends it at once.
 */
function untilStopped(cleanUp: () => void): AbortSignal {
  const stopping = new AbortController();
  let told = 0;
  const stop = (name: string, code: number) =>
    process.on(name, () => {
      if (stopping.signal.aborted && Date.now() - told < sameSignal) return;
      cleanUp();
      const isLast = stopping.signal.aborted || !thisProcess.staysUp;
      told = Date.now();
      stopping.abort();
      if (isLast) process.stderr.write('reluctant: stopped\n', () => process.exit(code));
      else process.stderr.write('reluctant: stopping; once more to stop at once\n');
    });
  stop('SIGINT', 130);
  stop('SIGTERM', 143);
  return stopping.signal;
}

/** A stream that failed once is destroyed: a server then tries the file itself, whose disk may have room again. */
function write(text: string): void {
  if (!process.stdout.destroyed) process.stdout.write(text);
  else if (thisProcess.staysUp) {
    try {
      writeSync(1, text);
    } catch {
      // Nobody reads this line; the server goes on.
    }
  }
}

/** What was printed is lost. A reader that has left (`| head`) ends a command quietly; a server outlives its log. */
function onLostOutput(error: NodeJS.ErrnoException): void {
  if (thisProcess.staysUp) return;
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`reluctant: the output could not be written: ${error.message}\n`, () =>
    process.exit(1),
  );
}

function packageVersion(): string {
  // From src/cli and from dist/src/cli.
  const folder = import.meta.url.endsWith('.ts') ? '../../' : '../../../';
  const text = readFileSync(new URL(`${folder}package.json`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

process.stdout.on('error', onLostOutput);
process.stderr.on('error', () => undefined); // There is no place left to say so.
if (isTooOld(process.versions.node)) {
  process.stderr.write(
    `reluctant: needs Node ${oldestNode.join('.')} or newer, this is ${process.versions.node}. ` +
      `In the package's own folder 'npm ci && npx reluctant' brings its own; elsewhere see https://nodejs.org.\n`,
  );
  process.exitCode = 1;
} else {
  const code = await main(process.argv.slice(2));
  // Worker threads and sockets may still be open; what was printed goes out first.
  process.stdout.write('', (error) => {
    // A write that failed has its listener to end the process.
    if (thisProcess.staysUp || error === null || error === undefined) process.exit(code);
  });
}
