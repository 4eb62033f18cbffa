import { Argument } from 'commander';
import type { Command } from 'commander';
import { fetchableDatasets, fetchDataset } from '../../../models/data/fetch.ts';
import type { FetchableDataset } from '../../../models/data/fetch.ts';
import { formats } from '../../../models/data/forms/formats.ts';
import { targetHelp } from '../../../models/data/images/image-target.ts';
import { variants } from '../../../models/data/variants.ts';
import { examples } from '../options/command.ts';
import type { Act, Context } from '../options/command.ts';
import { table } from '../output/output.ts';
import type { Output } from '../output/output.ts';

/** `data formats`: every form of `--data`. `data fetch NAME`: downloads a data set and checks its hashes. */
export function configure(command: Command, act: Act): void {
  const listed = command
    .command('formats')
    .description('list every form of --data, and additions that make a data set unequal on purpose')
    .action(act(listFormats));
  examples(listed, ['reluctant data formats', 'reluctant data formats --json']);
  const fetch = command
    .command('fetch')
    .description('download a data set into the cache, and check it against known SHA-256 hashes')
    .addArgument(new Argument('<name>', 'the data set').choices(fetchableDatasets))
    .action(act(run));
  examples(fetch, [
    'reluctant data fetch fashion-mnist',
    ['then use it', 'reluctant evaluate zoo:fashion-resnet8 --data fashion-mnist'],
  ]);
  examples(command, ['reluctant data formats', 'reluctant data fetch fashion-mnist']);
}

async function listFormats(): Promise<Output> {
  const forms = Object.values(formats).map(({ spec, summary, needs }) => ({ form: spec, summary, needs }));
  const additions = Object.values(variants).map(({ spec, summary }) => ({ form: spec, summary }));
  const column = (title: string) => ({ title, align: 'left' }) as const;
  const formTable = table(
    [column('form'), column('what it is'), column('needs')],
    forms.map(({ form, summary, needs }) => [form, summary, needs]),
  );
  const additionTable = table(
    [column('addition'), column('what it does; the number is an example')],
    additions.map(({ form, summary }) => [form, summary]),
  );
  return Promise.resolve({
    value: { forms, additions, size: targetHelp },
    text:
      `${formTable}\n\n${targetHelp}\n\n` +
      `Additions make a data set unequal on purpose, e.g. fashion-mnist+long-tail=100:\n\n${additionTable}`,
  });
}

async function run({ onProgress }: Context, name: FetchableDataset): Promise<Output> {
  const folder = await fetchDataset(name, { onProgress });
  return { value: { name, folder }, text: `${name} is in ${folder}; use it with --data ${name}` };
}
