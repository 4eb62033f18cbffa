import { Argument } from 'commander';
import type { Command } from 'commander';
import { fetchableDatasets, fetchDataset } from '../../../models/data/fetch.ts';
import type { FetchableDataset } from '../../../models/data/fetch.ts';
import { examples } from '../options/command.ts';
import type { Act, Context } from '../options/command.ts';

/** `data fetch NAME`: downloads a data set and checks it against known hashes. */
export function configure(command: Command, act: Act): void {
  const fetch = command
    .command('fetch')
    .description('download a data set, check it against its known SHA-256, and keep it in the cache')
    .addArgument(new Argument('<name>', 'which data set').choices(fetchableDatasets))
    .action(act(run));
  examples(fetch, [
    'reluctant data fetch fashion-mnist',
    'reluctant evaluate zoo:fashion-resnet8 --data fashion-mnist',
  ]);
}

async function run({ onProgress }: Context, name: FetchableDataset) {
  const folder = await fetchDataset(name, { onProgress });
  return { value: { name, folder }, text: `${name} is in ${folder}; use it with --data ${name}` };
}
