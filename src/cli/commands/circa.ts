import { Option } from 'commander';
import type { Command } from 'commander';
import { pixels } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import { circa } from '../../../pipelines/circa/circa.ts';
import type { CircaReport, CircaResult, LabelledSet } from '../../../pipelines/circa/circa.ts';
import * as format from '../../shared/format.ts';
import { systemRng } from '../../shared/random.ts';
import { examples, tolerancePoints, whole } from '../options/command.ts';
import type { Act, Context } from '../options/command.ts';
import { modeHelp } from '../options/compile.ts';
import { dataHelp, modelHelp } from '../options/inputs.ts';
import { table } from '../output/output.ts';
import { describeFlags } from '../options/describe.ts';
import { dataFor, loadDescribed } from '../options/described.ts';
import type { DescribeFlags } from '../options/describe.ts';
import { preparedModel } from '../options/prepared.ts';

type Options = DescribeFlags & {
  readonly data: string;
  /** Percentage points. */
  readonly tolerance: number;
  readonly searchImages: number;
  readonly limit?: number;
  readonly mode?: CircaResult['mode'];
};

/** `circa MODEL --data D`: finds how many low bits each layer's sign test can skip. */
export function configure(command: Command, act: Act): void {
  command
    .argument('<model>', modelHelp)
    .requiredOption('--data <data>', dataHelp)
    .addOption(
      new Option(
        '--tolerance <points>',
        'largest loss of accuracy on the search images, in percentage points',
      )
        .argParser(tolerancePoints)
        .default(0.5, '0.5pt'),
    )
    .option('--search-images <n>', 'number of training images for the search', whole(1), 500)
    .option('--limit <n>', 'evaluate on the first n test images only', whole(1))
    .addOption(
      new Option('--mode <mode>', `search this mode only (default: both)\n${modeHelp}`).choices([
        'posZero',
        'negPass',
      ]),
    )
    .action(act(run));
  describeFlags(command);
  examples(command, [
    'reluctant circa zoo:fashion-resnet8 --data fashion-mnist-part --tolerance 0.5pt',
    ['keep the result', 'reluctant circa reduced.onnx --data fashion-mnist-part --json > windows.json'],
    ['and serve with it', 'reluctant serve reduced.onnx --data fashion-mnist-part --circa windows.json'],
  ]);
}

async function run(context: Context, name: string, options: Options) {
  const { onProgress } = context;
  const { data, tolerance: points, searchImages, limit, mode } = options;
  const model = await loadDescribed(name, options);
  const train = await dataFor(context, model, data, 'train');
  const test = await dataFor({ ...context, say: () => undefined }, model, data, 'test');
  const prepared = await preparedModel(name, data, context, {}, options);
  const report = await circa(prepared, {
    toleratedFraction: points / 100,
    modes: mode === undefined ? ['posZero', 'negPass'] : [mode],
    search: first(train, searchImages),
    test: first(test, limit ?? test.n),
    rng: systemRng,
    onProgress,
  });
  const best = report.results.reduce((a, b) => (b.onlineBytes < a.onlineBytes ? b : a));
  return {
    value: {
      tolerance: points,
      n: Math.min(test.n, limit ?? test.n),
      exactAccuracy: report.exactAccuracy,
      exactOnlineBytes: report.exactOnlineBytes,
      modes: report.results.map(publicResult),
      best: publicResult(best),
    },
    text: describe(report, best),
  };
}

function first(dataset: Dataset, limit: number): LabelledSet {
  const n = Math.min(dataset.n, limit);
  const indices = Array.from({ length: n }, (_, i) => i);
  return { images: pixels(dataset, indices), labels: dataset.labels.subarray(0, n), n };
}

function publicResult({ mode, layers, accuracy, comparison, onlineBytes, evaluations }: CircaResult) {
  return { mode, accuracy, ...comparison, onlineBytes, evaluations, layers };
}

function describe({ results, exactAccuracy, exactOnlineBytes }: CircaReport, best: CircaResult): string {
  const windows = best.layers.map((layer, i) => [
    layer.node,
    layer.test === 'relu' ? 'ReLU' : 'comparison',
    format.count(layer.relus),
    `${layer.free} of ${layer.bits}`,
    ...results.map(({ layers }) => layers[i]!.k),
  ]);
  const columns = [
    { title: 'node', align: 'left' },
    { title: 'sign test', align: 'left' },
    { title: 'elements' },
    { title: 'free bits' },
    ...results.map(({ mode }) => ({ title: `k ${mode}` })),
  ] as const;
  const lines = results.map(({ mode, accuracy, comparison, onlineBytes }) => {
    const { agree, differ, catastrophic } = comparison;
    return (
      `${mode}  accuracy ${format.percent(accuracy)}, ${format.bytes(onlineBytes)} online; ` +
      `${format.count(agree)} answers agree with exact inference, ${differ} differ, ${catastrophic} of them catastrophically`
    );
  });
  return (
    `${table(columns, windows)}\n\n` +
    `exact    accuracy ${format.percent(exactAccuracy)}, ${format.bytes(exactOnlineBytes)} online\n` +
    `${lines.join('\n')}\n` +
    `catastrophically: exact inference gave its answer a probability of at least 0.9`
  );
}
