import { CommanderError } from 'commander';
import { exitCodeOf, ReluctantError } from '../../shared/errors.ts';
import { forTerminal } from './for-terminal.ts';

/**
 * The line to print for an error, and the exit code. The line is empty if commander has already printed help.
 */
export type Failure = { readonly line: string; readonly stack: string; readonly code: number };

/** `command`: the one that the command line names. */
export function describeFailure(error: unknown, command?: string): Failure {
  if (error instanceof CommanderError) return commandLineFailure(error, command);
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? forTerminal(error.stack ?? '') : '';
  const hint = error instanceof ReluctantError ? '' : ' (run again with --verbose for the stack trace)';
  return { line: oneLine(message) + hint, stack, code: exitCodeOf(error) };
}

function commandLineFailure({ code, exitCode, message }: CommanderError, command?: string): Failure {
  if (exitCode === 0) return { line: '', stack: '', code: 0 };
  const help = ['reluctant', ...(command === undefined ? [] : [command]), '--help'].join(' ');
  const line = code === 'commander.help' ? '' : `${oneLine(message.replace(/^error: /, ''))} (see ${help})`;
  return { line, stack: '', code: 2 };
}

function oneLine(text: string): string {
  const line = text
    .trim()
    .replaceAll(/:\s*\n\s*/g, ': ')
    .replaceAll(/\s*\n\s*\((?=Did you mean )/g, ' (')
    .replaceAll(/\s*\n\s*/g, '; ');
  return forTerminal(line);
}
