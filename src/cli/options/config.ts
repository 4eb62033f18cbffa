import type { Command, Option } from 'commander';
import { UsageError } from '../../shared/errors.ts';
import { repeated } from './command.ts';
import { readNamedFile } from './named-file.ts';

/** The file that is read if --config names none. */
const usualFile = 'reluctant.config.json';

/** Options of the command line that make no sense in a file. */
const notInFiles = new Set(['config', 'json', 'verbose', 'help']);

/**
 * Adds `--config`: a JSON file with an object for each command, whose fields are the command's options. What
 * the command line says goes before the environment, and that before the file. `list`: the field for the
 * arguments of the command.
 */
export function configFlag(command: Command, list?: string): Command {
  return command
    .option(
      '--config <file>',
      `read options that are not given here from this file (default: ${usualFile} if it exists)`,
    )
    .hook('preAction', (_, acting) => applyFile(acting, list));
}

async function applyFile(command: Command, list: string | undefined): Promise<void> {
  const named = command.getOptionValue('config') as string | undefined;
  const file = named ?? usualFile;
  const section = await readSection(file, command.name(), named !== undefined);
  for (const [key, value] of Object.entries(section)) {
    const where = `${file}: ${command.name()}.${key}`;
    if (key === list) {
      command.setOptionValueWithSource(key, asTexts(value, where), 'config');
      continue;
    }
    const option = optionsInFiles(command).find((one) => one.attributeName() === key);
    if (option === undefined)
      throw new UsageError(`${where}: no such option; see 'reluctant ${command.name()} --help'`);
    const source = command.getOptionValueSource(key);
    const parsed = parsedValue(option, value, where);
    if (source === 'cli' || source === 'env') continue;
    command.setOptionValueWithSource(key, parsed, 'config');
  }
}

async function readSection(file: string, command: string, mustExist: boolean): Promise<object> {
  const text = await readNamedFile('--config', file).catch((error: UsageError) => {
    if (mustExist) throw error;
    return '{}';
  });
  const all = parsedJson(String(text), file);
  const { [command]: section = {} } = all as Record<string, unknown>;
  if (isObject(all) && isObject(section)) return section;
  throw new UsageError(`${file}: expected an object with an object for each command`);
}

function parsedJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as the command line would read it, so that both have the same limits and the same errors. */
function parsedValue(option: Option, value: unknown, where: string): unknown {
  const texts = option.parseArg === repeated ? asTexts(value, where) : [asText(value, where)];
  if (option.argChoices !== undefined && !option.argChoices.includes(texts[0]!)) {
    throw new UsageError(`${where}: expected ${option.argChoices.join(' or ')}, got ${texts[0]!}`);
  }
  try {
    return texts.reduce<unknown>(
      (before, text) => (option.parseArg === undefined ? text : option.parseArg(text, before)),
      undefined,
    );
  } catch (error) {
    throw new UsageError(`${where}: ${(error as Error).message}`);
  }
}

function asText(value: unknown, where: string): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new UsageError(`${where}: expected a string or a number, got ${JSON.stringify(value)}`);
}

function asTexts(value: unknown, where: string): readonly string[] {
  return Array.isArray(value) ? value.map((one) => asText(one, where)) : [asText(value, where)];
}

function optionsInFiles(command: Command): readonly Option[] {
  return command.options.filter((option) => !notInFiles.has(option.attributeName()));
}

/** The JSON schema of one command's object, for editors. */
export function commandSchema(command: Command, list?: string): object {
  const fields = optionsInFiles(command).map((option) => [option.attributeName(), optionSchema(option)]);
  const texts = { type: 'array', items: { type: 'string' } };
  const argument =
    list === undefined ? [] : [[list, { ...texts, description: 'as the arguments of the command' }]];
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries([...argument, ...fields]) as object,
  };
}

function optionSchema(option: Option): object {
  const description = option.description.replaceAll(/\s+/g, ' ');
  if (option.argChoices !== undefined) return { enum: option.argChoices, description };
  if (option.parseArg === repeated)
    return { type: ['array', 'string'], items: { type: 'string' }, description };
  return { type: takesNumber(option) ? ['integer', 'string'] : 'string', description };
}

function takesNumber({ parseArg }: Option): boolean {
  if (parseArg === undefined) return false;
  try {
    return typeof parseArg('8', undefined) === 'number';
  } catch {
    return false;
  }
}
