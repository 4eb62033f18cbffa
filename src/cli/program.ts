import { Command } from 'commander';
import type { Act, CommandModule } from './options/command.ts';

/** One line of the command table: what --help says, and the module, loaded when the command is used. */
export type Entry = { readonly summary: string; readonly load: () => Promise<CommandModule> };

const exitCodes = `
Exit codes: 0 done, 1 unexpected failure, 2 wrong command line, 3 model file, 4 data or image,
5 the model cannot run privately, 6 the other party or the connection, 7 a report outside the limits of audit,
130 stopped by Ctrl-C.

Start with:  reluctant demo
`;

/** The commander program for `argv` (without node and script); only the command named there is loaded. */
export async function buildProgram(
  entries: Readonly<Record<string, Entry>>,
  argv: readonly string[],
  version: string,
  act: Act,
): Promise<Command> {
  const program = new Command('reluctant')
    .description(
      'Private inference with fewer ReLUs, between a client with an image and a server with a model.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError()
    .addHelpText('after', exitCodes);
  const wanted = argv.find((word) => Object.hasOwn(entries, word));
  for (const [name, { summary, load }] of Object.entries(entries)) {
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
