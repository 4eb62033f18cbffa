#!/usr/bin/env node
// The only file that prints or ends the process. It must run on old versions of Node to be able to say that they are too
// old, so everything else is imported after that check.
import { readFileSync } from 'node:fs';
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
    process.stdout.write(`${line}\n`);
  };
  const show = ({ value, text }: Output) =>
    print(json ? JSON.stringify(toJson(value), null, process.stdout.isTTY ? 2 : 0) : text);
  const context: Context = {
    onProgress: progress.onProgress,
    say: (line) => (json ? undefined : print(line)),
    show,
    signal: untilStopped(() => progress.stop()),
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

/** Ctrl-C or SIGTERM: whoever listens to the signal ends its children at once; files are written whole or not at all. */
function untilStopped(cleanUp: () => void): AbortSignal {
  const stopping = new AbortController();
  const stop = (name: string, code: number) =>
    process.once(name, () => {
      cleanUp();
      stopping.abort();
      process.stderr.write('reluctant: stopped\n', () => process.exit(code));
    });
  stop('SIGINT', 130);
  stop('SIGTERM', 143);
  return stopping.signal;
}

function packageVersion(): string {
  // From src/cli and from dist/src/cli.
  const folder = import.meta.url.endsWith('.ts') ? '../../' : '../../../';
  const text = readFileSync(new URL(`${folder}package.json`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

process.stdout.on('error', () => process.exit(0)); // The reader of a pipe has left.
if (isTooOld(process.versions.node)) {
  process.stderr.write(
    `reluctant: needs Node ${oldestNode.join('.')} or newer, this is ${process.versions.node}. ` +
      `In the package's own folder 'npm ci && npx reluctant' brings its own; elsewhere see https://nodejs.org.\n`,
  );
  process.exitCode = 1;
} else {
  const code = await main(process.argv.slice(2));
  // Worker threads and sockets may still be open; what was printed goes out first.
  process.stdout.write('', () => process.exit(code));
}
