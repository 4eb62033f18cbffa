#!/usr/bin/env node
// The command table; the only file that prints or ends the process. It must run on old versions of Node to be able to say
// that they are too old, so everything else is imported after that check.
import { readFileSync } from 'node:fs';
import type { Act, Context } from './options/command.ts';
import type { Output } from './output/output.ts';
import type { Entry } from './program.ts';

/** engines in package.json. */
const oldestNode = [22, 18] as const;

const commands: Readonly<Record<string, Entry>> = {
  demo: {
    summary: 'see everything in a few minutes: reduce a network, serve both privately, report',
    load: () => import('./commands/demo/command.ts'),
  },
  inspect: {
    summary: 'count the ReLUs, multiplications and parameters of a model, layer by layer',
    load: () => import('./commands/inspect.ts'),
  },
  evaluate: {
    summary: 'accuracy of a model on a data set, in the clear',
    load: () => import('./commands/evaluate.ts'),
  },
  train: {
    summary: 'train a network and write it as .onnx',
    load: () => import('./commands/train.ts'),
  },
  design: {
    summary: 'widths that give the critical stages of a network most ReLUs (DeepReShape), with exact counts',
    load: () => import('./commands/design.ts'),
  },
  reduce: {
    summary: 'remove ReLUs down to a budget and fine-tune what is left',
    load: () => import('./commands/reduce/command.ts'),
  },
  pareto: {
    summary:
      'sweep methods and budgets: what accuracy costs in ReLUs, latency and bytes, as tables and a page',
    load: () => import('./commands/pareto/command.ts'),
  },
  worker: {
    summary: 'do the jobs of a sweep that another machine runs, by way of a Redis server',
    load: () => import('./commands/pareto/worker-command.ts'),
  },
  recipe: {
    summary: "the papers' configurations, ready to run: train and reduce as published",
    load: () => import('./commands/recipe.ts'),
  },
  fairness: {
    summary: 'which groups pay for a reduction: accuracy, drops and gaps with intervals',
    load: () => import('./commands/fairness/command.ts'),
  },
  audit: {
    summary: 'hold a fairness report to limits; exits with 7 where a group is outside them',
    load: () => import('./commands/audit.ts'),
  },
  circa: {
    summary: 'how many low bits each sign test may leave out under an accuracy tolerance',
    load: () => import('./commands/circa.ts'),
  },
  plan: {
    summary: 'the steps of the private protocol for a model, and what each will cost',
    load: () => import('./commands/plan.ts'),
  },
  serve: {
    summary: 'serve a model: clients get answers, the server never sees their images',
    load: () => import('./commands/serve.ts'),
  },
  infer: {
    summary: 'ask a server about an image without showing it the image',
    load: () => import('./commands/infer/command.ts'),
  },
  bench: {
    summary: 'time the protocol on this machine, one step at a time',
    load: () => import('./commands/bench/command.ts'),
  },
  data: { summary: 'fetch data sets', load: () => import('./commands/data.ts') },
};

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
    const program = await buildProgram(commands, argv, packageVersion(), act);
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
