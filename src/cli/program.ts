import { Command } from 'commander';
import type { Act, CommandModule } from './options/command.ts';

/** One line of the command table: what --help says, and the module, loaded when the command is used. */
type Entry = { readonly summary: string; readonly load: () => Promise<CommandModule> };

/** Every command, in the order of --help. */
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

const exitCodes = `
Exit codes: 0 done, 1 unexpected failure, 2 wrong command line, 3 model file, 4 data or image,
5 the model cannot run privately, 6 the other party or the connection, 7 a report outside the limits of audit,
130 stopped by Ctrl-C.

Start with:  reluctant demo
`;

/** The commander program for `argv` (without node and script); only the command named there is loaded. */
export async function buildProgram(argv: readonly string[], version: string, act: Act): Promise<Command> {
  const program = new Command('reluctant')
    .description(
      'Private inference with fewer ReLUs, between a client with an image and a server with a model.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError()
    .addHelpText('after', exitCodes);
  const wanted = argv.find((word) => Object.hasOwn(commands, word));
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary);
    if (name === wanted) {
      (await load()).configure(command, act);
      addCommonOptions(command);
    }
  }
  return program;
}

function addCommonOptions(command: Command): void {
  if (command.commands.length > 0) return command.commands.forEach(addCommonOptions);
  command
    .option('--json', 'print one JSON document on stdout and nothing else')
    .option('--verbose', 'show the stack of an error');
}
