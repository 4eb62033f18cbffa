import { join } from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import { subset } from '../../../../models/data/dataset.ts';
import { overlapWarning } from '../../../../models/data/training-data.ts';
import { chooseDevice } from '../../../../models/runtime/device.ts';
import { groupsCsv } from '../../../../models/fairness/csv.ts';
import { partitionsBySpec } from '../../../../models/fairness/group-spec.ts';
import { thresholdGoals } from '../../../../models/fairness/threshold.ts';
import { defaultMaxWidth } from '../../../../models/fairness/telling.ts';
import { comparePartitions } from '../../../../pipelines/fairness/compare.ts';
import { UsageError } from '../../../shared/errors.ts';
import { writeFileAtomic } from '../../../shared/files.ts';
import { examples, percentagePoints, whole } from '../../options/command.ts';
import type { Act, Context } from '../../options/command.ts';
import { describeFlags } from '../../options/describe.ts';
import { dataFor } from '../../options/described.ts';
import { checkOutput, dataHelp, deviceOption, modelHelp } from '../../options/inputs.ts';
import { shownIfItFails } from '../../output/shown-if-it-fails.ts';
import { checkCard } from './card/write-card.ts';
import { checkControls, controlsOf } from './controls.ts';
import { extrasOf } from './extras.ts';
import { writeCardOf, writeReport } from './files.ts';
import { lineHelp, openLine } from './models.ts';
import { below1, bits, settingsOf } from './options.ts';
import type { Options } from './options.ts';
import { describeReports } from './text.ts';

/** `fairness ORIGINAL REDUCED... --data D`: compares what each group of images loses in a reduction. */
export function configure(command: Command, act: Act): void {
  const version = command.parent?.version() ?? '';
  command
    .argument('<original>', modelHelp)
    .argument('<reduced...>', lineHelp)
    .requiredOption('--data <data>', dataHelp)
    .addOption(
      new Option('--split <split>', 'evaluate on these images').choices(['train', 'test']).default('test'),
    )
    .option(
      '--groups <columns>',
      "'label' for the class, a column of the data set such as race, or several columns, separated by commas, " +
        'for each of them and for all their combinations (default: label)',
    )
    .option(
      '--positive <class>',
      'positive class of the rates of binary labels (default: the second of two classes)',
    )
    .option('--min-group <n>', 'do not test groups with fewer images', whole(2), 30)
    .addOption(
      new Option(
        '--max-width <points>',
        'leave groups out of gaps, and out of the worst group, if an accuracy of 50 % would be known no better than within an interval of this width',
      )
        .argParser(percentagePoints)
        .default(defaultMaxWidth, `${100 * defaultMaxWidth}pt`),
    )
    .option('--limit <n>', 'use only the first n images', whole(1))
    .option('--csv <file>', 'write one line for each group and model to this file')
    .option(
      '--report <folder>',
      'write report.html with charts, report.json and each chart as .svg here; models named METHOD@BUDGET are drawn by method',
    )
    .option(
      '--card <file>',
      'write a model card here: networks, data, groups, figures, mitigations, plans and limits; .md for readers, .json for programs',
    )
    .option(
      '--adjust',
      'also compare each network with its logits adjusted by the shares of the classes in training, a control that needs no training',
    )
    .addOption(
      new Option(
        '--threshold <goal>',
        'for labels of two classes: also compare each network with the threshold that is best on validation images, for accuracy or for the mean accuracy of both classes (balanced)',
      ).choices(thresholdGoals),
    )
    .option(
      '--private',
      "also report what the protocol's arithmetic alone costs each group (of a pattern: its first network)",
    )
    .option(
      '--k <bits>',
      "with --private: low bits that sign tests skip; 'free' skips only bits that cost no accuracy (default: free)",
      bits,
    )
    .option(
      '--curvature',
      "also report gradient norms and largest Hessian eigenvalues, and compare the paper's bound with each group's loss (takes minutes; of a pattern: its first network)",
    )
    .option('--resamples <n>', 'bootstrap resamples for the confidence intervals', whole(100, 100_000), 1000)
    .option('--confidence <x>', 'confidence of the intervals', below1, 0.95)
    .option('--seed <n>', 'seed of the resamples', whole(0), 1)
    .addOption(deviceOption());
  describeFlags(command).action(
    act((context: Context, original: string, reduced: string[], options: Options) =>
      run(context, original, reduced, { ...options, version }),
    ),
  );
  examples(command, [
    'reluctant fairness zoo:fashion-resnet8 reduced.onnx --data fashion-mnist-part',
    [
      'groups by each of two columns and by both, also as CSV',
      'reluctant fairness before.onnx after.onnx --data csv:faces.csv --groups race,gender --csv groups.csv',
    ],
    [
      'the cost of the protocol, with sign tests that skip 14 low bits',
      'reluctant fairness before.onnx after.onnx --data fashion-mnist --private --k 14 --limit 500',
    ],
    [
      "a report for 'reluctant audit'",
      'reluctant fairness before.onnx half.onnx quarter.onnx --data fashion-mnist --json > report.json',
    ],
    [
      'a model card to publish with the network',
      'reluctant fairness before.onnx after.onnx --data csv:faces.csv --groups race,gender --card model-card.md',
    ],
    [
      'several seeds of each budget, with charts',
      "reluctant fairness net.onnx 'snl@25=snl-25-*.onnx' 'snl@12=snl-12-*.onnx' --data fashion-mnist --report who-pays",
    ],
  ]);
}

async function run(context: Context, original: string, reduced: readonly string[], options: Options) {
  const { data, split, limit, csv, report: folder, card, device: choice } = options;
  if (csv !== undefined) checkOutput(csv, '--csv');
  if (folder !== undefined) checkOutput(join(folder, 'report.html'), '--report');
  checkControls(options);
  if (options.k !== undefined && !options.private)
    throw new UsageError('--k is for --private: give that too');
  if (card !== undefined) {
    checkCard(card);
    checkOutput(card, '--card');
  }
  const device = await chooseDevice(choice);
  if (choice !== 'cpu') context.say(`device: ${device}`);
  const models = await Promise.all([original, ...reduced].map((line) => openLine(line, options)));
  const all = await dataFor(context, models[0]!.model, data, split);
  for (const { name, model } of models) {
    const overlap = overlapWarning(model.graph.history, all, 0);
    if (overlap !== undefined) context.warn(`${name}: ${overlap}`);
  }
  const dataset = limit === undefined || limit >= all.n ? all : subset(all, [...Array(limit).keys()]);
  const settings = settingsOf(dataset, options);
  const [first, ...others] = models;
  const partitions = partitionsBySpec(dataset, options.groups ?? 'label');
  const named = partitions.map(({ groups }) => groups);
  const { onProgress } = context;
  const controls = await controlsOf(context, models, settings.positive, options, device);
  const found = await comparePartitions([first!, ...others], dataset, named, {
    ...settings,
    device,
    onProgress,
    shifts: controls.shifts,
  });
  const reports = found.map((report, i) => ({ by: partitions[i]!.by, report }));
  const { report } = reports.at(-1)!;
  const added = await extrasOf(context, models, dataset, settings, options);
  const given = models.map(({ name, relus, files }) => ({ model: name, relus, files }));
  const extras = [...controls.extras, ...added];
  const shifted = controls.shifts.flatMap(({ name }) =>
    given.map((line) => ({ ...line, model: `${line.model}, ${name}` })),
  );
  const marginals = reports.slice(0, -1).map(({ by, report }) => ({ groupedBy: by.join(','), ...report }));
  const value = {
    ...report,
    ...(marginals.length > 0 && { marginals }),
    models: [...given, ...shifted],
    ...Object.fromEntries(extras.map((e) => [e.key, e.value])),
  };
  const figures = [describeReports(reports), ...extras.map(({ text }) => text)];
  await shownIfItFails(context, { value, text: figures.join('\n\n') }, async () => {
    if (csv !== undefined) await writeFileAtomic(csv, groupsCsv(reports));
    if (folder !== undefined) await writeReport(folder, value, first!.model, options);
    if (card !== undefined) await writeCardOf(card, context, { dataset, lines: models, reports }, options);
  });
  return {
    value,
    text: [
      ...figures,
      ...(folder === undefined ? [] : [`The report with charts is ${join(folder, 'report.html')}.`]),
      ...(card === undefined ? [] : [`The model card is ${card}.`]),
    ].join('\n\n'),
  };
}
