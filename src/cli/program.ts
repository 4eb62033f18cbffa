import { Command } from 'commander';
import { exitCodeTable } from '../shared/errors.ts';
import { examples } from './options/command.ts';
import type { Act, CommandModule } from './options/command.ts';

/**
 * One line of the command table: what --help says, and the module, which is loaded when the command is used.
 */
type Entry = { readonly summary: string; readonly load: () => Promise<CommandModule> };

/** Every command, in the order of --help. */
const commands: Readonly<Record<string, Entry>> = {
  demo: {
    summary: 'show everything in a few minutes: reduce a network, classify images privately, write a report',
    load: () => import('./commands/demo/command.ts'),
  },
  inspect: {
    summary: 'count the ReLUs, multiplications and parameters of a model, layer by layer',
    load: () => import('./commands/inspect.ts'),
  },
  evaluate: {
    summary: 'measure the accuracy of a model on a data set',
    load: () => import('./commands/evaluate/command.ts'),
  },
  train: {
    summary: 'train a network and write it as an .onnx file',
    load: () => import('./commands/train.ts'),
  },
  design: {
    summary: 'compute stage widths that give critical stages the most ReLUs (DeepReShape)',
    load: () => import('./commands/design.ts'),
  },
  reduce: {
    summary: 'remove ReLUs from a network until it meets a budget, and fine-tune it',
    load: () => import('./commands/reduce/command.ts'),
  },
  pareto: {
    summary: 'run methods with several budgets, and show what accuracy costs in ReLUs, latency and bytes',
    load: () => import('./commands/pareto/command.ts'),
  },
  worker: {
    summary: 'run the jobs of a sweep that another machine started, through a Redis server',
    load: () => import('./commands/pareto/worker-command.ts'),
  },
  recipe: {
    summary: "train and reduce networks with the papers' published settings",
    load: () => import('./commands/recipe.ts'),
  },
  fairness: {
    summary: 'compare how much accuracy each group of images loses in a reduction',
    load: () => import('./commands/fairness/command.ts'),
  },
  audit: {
    summary: 'check a fairness report against limits; the exit code is 7 if a group exceeds one',
    load: () => import('./commands/audit.ts'),
  },
  circa: {
    summary: 'find how many low bits each sign test can skip within an accuracy tolerance',
    load: () => import('./commands/circa.ts'),
  },
  plan: {
    summary: 'list the steps of the private protocol for a model, and predict their cost',
    load: () => import('./commands/plan.ts'),
  },
  serve: {
    summary: 'serve a model for private inference; the server never sees the images',
    load: () => import('./commands/serve/command.ts'),
  },
  infer: {
    summary: 'classify an image on a server without showing it the image',
    load: () => import('./commands/infer/command.ts'),
  },
  gateway: {
    summary: 'answer pictures of programs on this machine by HTTP, with the model of a server',
    load: () => import('./commands/gateway/command.ts'),
  },
  bench: {
    summary: 'measure how long the protocol takes on this machine',
    load: () => import('./commands/bench/command.ts'),
  },
  data: {
    summary: 'list the forms of --data, and download data sets',
    load: () => import('./commands/data.ts'),
  },
};

const exitCodes = `
Exit codes:
${exitCodeTable.map(([code, meaning]) => `  ${String(code).padEnd(5)}${meaning}`).join('\n')}
`;

/**
 * The commander program for `argv` (without node and script). Only the command that `argv` names is loaded.
 * `writeOut` takes helps and the version.
 */
export async function buildProgram(
  argv: readonly string[],
  version: string,
  act: Act,
  writeOut: (text: string) => void = () => undefined,
): Promise<Command> {
  const program = new Command('reluctant')
    .description(
      'Private inference of convolutional networks with fewer ReLUs: a client classifies its image with the ' +
        "server's model, and neither sees the other's data.",
    )
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({ writeOut, outputError: () => undefined })
    .showSuggestionAfterError()
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', exitCodes);
  examples(program, [
    ['see what the program does', 'reluctant demo'],
    ['count the ReLUs of a network', 'reluctant inspect my-model.onnx'],
    ['print the options and examples of a command', 'reluctant reduce --help'],
  ]);
  const wanted = commandIn(argv);
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary);
    if (name === wanted) {
      (await load()).configure(command, act);
      addCommonOptions(command);
    }
  }
  return program;
}

/** The command that a command line names. */
export function commandIn(argv: readonly string[]): string | undefined {
  return argv.find((word) => Object.hasOwn(commands, word));
}

function addCommonOptions(command: Command): void {
  if (command.commands.length > 0) return command.commands.forEach(addCommonOptions);
  command
    .optionsGroup('Options:')
    .option('--json', 'print JSON on stdout and nothing else')
    .option('--verbose', 'print the stack trace of an error');
}
