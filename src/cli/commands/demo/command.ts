import type { Command } from 'commander';
import { examples, whole } from '../../options/command.ts';
import type { Act, Context } from '../../options/command.ts';
import { runDemo } from './run.ts';
import { runWebDemo } from './web.ts';
import { farewell } from './words.ts';
import { calibrationData, dataHelp, modelHelp } from '../../options/inputs.ts';
import type { Output } from '../../output/output.ts';

type Options = {
  readonly out: string;
  readonly model: string;
  readonly data?: string;
  readonly epochs: number;
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
    .option('--epochs <n>', 'epochs of fine-tuning', whole(1), 4)
    .option('--web', 'serve a page instead, in which you ask the network and its reduced form yourself')
    .option(
      '--port <port>',
      'with --web: serve the page on this port; 0 takes any free one',
      whole(0, 65_535),
      8765,
    )
    .action(
      act(async (context: Context, options: Options): Promise<Output | undefined> => {
        const data = calibrationData(options.model, options.data);
        if (options.web) {
          await runWebDemo(context, { ...options, data });
          return undefined;
        }
        const report = await runDemo(context, { ...options, data, version });
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
