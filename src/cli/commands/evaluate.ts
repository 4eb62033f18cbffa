import { Option } from 'commander';
import type { Command } from 'commander';
import { loadDataset } from '../../../models/data/dataset.ts';
import type { Split } from '../../../models/data/dataset.ts';
import { chooseDevice } from '../../../models/device.ts';
import type { DeviceChoice } from '../../../models/device.ts';
import { evaluate } from '../../../models/train/evaluate.ts';
import * as format from '../../shared/format.ts';
import { examples, whole } from '../command.ts';
import type { Act, Context } from '../command.ts';
import { dataHelp, deviceOption, modelHelp, openModel } from '../inputs.ts';
import { table } from '../output.ts';

type Options = {
  readonly data: string;
  readonly split: Split;
  readonly limit?: number;
  readonly device: DeviceChoice;
};

/** `evaluate MODEL --data D`: accuracy in the clear, as a whole and by class. */
export function configure(command: Command, act: Act): void {
  command
    .argument('<model>', modelHelp)
    .requiredOption('--data <data>', dataHelp)
    .addOption(new Option('--split <split>', 'which images').choices(['train', 'test']).default('test'))
    .option('--limit <n>', 'only the first n images', whole(1))
    .addOption(deviceOption())
    .action(act(run));
  examples(command, [
    'reluctant evaluate zoo:fashion-resnet8 --data fashion-mnist-part',
    'reluctant evaluate my-model.onnx --data idx:images.idx,labels.idx --limit 1000 --json',
  ]);
}

async function run(
  { onProgress, say }: Context,
  name: string,
  { data, split, limit, device: choice }: Options,
) {
  const device = await chooseDevice(choice);
  if (choice !== 'cpu') say(`device: ${device}`);
  const [model, dataset] = [await openModel(name), await loadDataset(data, split, { onProgress })];
  const found = await evaluate(model, dataset, { onProgress, device, ...(limit !== undefined && { limit }) });
  const rows = found.per_class.map((row) => [row.class, row.n, format.percent(row.accuracy)]);
  return {
    value: found,
    text:
      `${table([{ title: 'class', align: 'left' }, { title: 'images' }, { title: 'accuracy' }], rows)}\n\n` +
      `${format.percent(found.accuracy)} of ${format.count(found.n)} ${split} images of ${data} are right`,
  };
}
