import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configure as configureGateway } from '../../../../src/cli/commands/gateway/command.ts';
import { configure } from '../../../../src/cli/commands/serve/command.ts';
import type { Act } from '../../../../src/cli/options/command.ts';
import { commandSchema } from '../../../../src/cli/options/config.ts';
import { UsageError } from '../../../../src/shared/errors.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-config-'));
});
afterEach(async () => {
  delete process.env['RELUCTANT_TOKENS'];
  await rm(folder, { recursive: true });
});

type Given = Record<string, unknown>;

/** What `serve` gets from this file and these words. */
async function optionsOf(config: unknown, ...words: string[]): Promise<Given> {
  const file = join(folder, 'config.json');
  await writeFile(file, typeof config === 'string' ? config : JSON.stringify(config));
  let found: Given = {};
  const act = (() => (_models: unknown, options: Given) => {
    found = options;
    return Promise.resolve();
  }) as unknown as Act;
  const command = new Command('serve').exitOverride().configureOutput({ writeErr: () => undefined });
  configure(command, act);
  await command.parseAsync(['--config', file, ...words], { from: 'user' });
  return found;
}

describe('options of a file', () => {
  test('take the place of defaults', async () => {
    const serve = { models: ['a.onnx'], name: ['a'], port: 9000, rate: 5, log: 'json', tokens: 'tokens.txt' };
    expect(await optionsOf({ $schema: 'x', serve })).toMatchObject({ ...serve, host: '127.0.0.1', ahead: 4 });
  });

  test('go behind the environment, which goes behind the command line', async () => {
    process.env['RELUCTANT_TOKENS'] = 'of-environment';
    const config = { serve: { port: 9000, tokens: 'of-file' } };
    expect(await optionsOf(config, '--port', '7')).toMatchObject({ port: 7, tokens: 'of-environment' });
    expect(await optionsOf(config, '--tokens', 'given')).toMatchObject({ tokens: 'given' });
  });

  test.each([
    [{ serve: { port: 70_000 } }, /serve\.port: Expected a whole number from 0 to 65535/],
    [{ serve: { port: true } }, /serve\.port: expected a string or a number, got true/],
    [{ serve: { prot: 1 } }, /serve\.prot: no such option/],
    [{ serve: { log: 'xml' } }, /serve\.log: expected text or json, got xml/],
    [{ serve: [] }, /expected an object with an object for each command/],
    ['{', /config\.json: /],
  ])('%j is refused with its place', async (config, message) => {
    await expect(optionsOf(config)).rejects.toThrow(message);
    await expect(optionsOf(config)).rejects.toThrow(UsageError);
  });

  test('a file that is named must exist', async () => {
    await expect(optionsOf({}, '--config', join(folder, 'none'))).rejects.toThrow(
      /--config .*none: no such file$/,
    );
  });
});

test('the schema for editors has every option, with its words', async () => {
  const none = (() => () => Promise.resolve()) as Act;
  const [serve, gateway] = ['serve', 'gateway'].map((name) => new Command(name)) as [Command, Command];
  configure(serve, none);
  configureGateway(gateway, none);
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'reluctant.config.json',
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      serve: commandSchema(serve, 'models'),
      gateway: commandSchema(gateway),
    },
  };
  const file = new URL('../../../../docs/config.schema.json', import.meta.url).pathname;
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(file);
});
