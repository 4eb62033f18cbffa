import { join } from 'node:path';
import type { Command } from 'commander';
import { saveModel } from '../../../../models/files/write.ts';
import { examples, whole } from '../../options/command.ts';
import type { Act, Context } from '../../options/command.ts';
import { runDemo } from './run.ts';
import { runWebDemo } from './web.ts';
import { farewell } from './words.ts';
import { describeFlags, isDescribed } from '../../options/describe.ts';
import { loadDescribed } from '../../options/described.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { checkOutput, dataHelp, modelHelp } from '../../options/inputs.ts';
import { calibrationData } from '../../options/named-model.ts';
import type { Output } from '../../output/output.ts';

type Options = DescribeFlags & {
  readonly out: string;
  readonly model: string;
  readonly data?: string;
  readonly epochs?: number;
  readonly web?: boolean;
  readonly port: number;
};

/** `demo`: shows everything the program does in a few minutes, and writes a report. */
export function configure(command: Command, act: Act): void {
  const version = command.parent?.version() ?? '';
  command
    .option('--out <folder>', 'write the report and the reduced network here', 'reluctant-demo')
    .option('--model <model>', modelHelp, 'zoo:fashion-resnet8')
    .option('--data <data>', `${dataHelp} (default: the own data of a zoo model; required for others)`)
    .option('--epochs <n>', 'epochs of fine-tuning (default: 12; 4 if the maps cannot be halved)', whole(1))
    .option('--web', 'serve a page instead, in which you ask the network and its reduced form yourself')
    .option(
      '--port <port>',
      'with --web: serve the page on this port; 0 takes any free one',
      whole(0, 65_535),
      8765,
    );
  describeFlags(command).action(
    act(async (context: Context, options: Options): Promise<Output | undefined> => {
      const data = calibrationData(options.model, options.data);
      const model = await describedFile(options);
      if (options.web) {
        await runWebDemo(context, { ...options, data, model });
        return undefined;
      }
      const report = await runDemo(context, { ...options, data, model, version });
      return { value: report, text: `\n${farewell(options.out, data, report.seconds)}` };
    }),
  );
  examples(command, [
    'reluctant demo',
    ['in a browser', 'reluctant demo --web'],
    ['faster, with JSON', 'reluctant demo --out /tmp/demo --epochs 1 --json'],
    ['your own network and images', 'reluctant demo --model my-model.onnx --data folder:my-images@32'],
  ]);
}

/** The network as it is given, or else a file of it in the demo's folder that keeps what the flags say. */
async function describedFile(options: Options): Promise<string> {
  if (!isDescribed(options)) return options.model;
  const file = join(options.out, 'original.onnx');
  checkOutput(file);
  await saveModel(file, await loadDescribed(options.model, options));
  return file;
}
