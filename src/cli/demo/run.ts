import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { loadDataset } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import type { Model } from '../../../models/graph.ts';
import { inspect, stagesOf } from '../../../models/inspect.ts';
import { saveModel } from '../../../models/onnx/write.ts';
import { compareModels } from '../../../pipelines/fairness.ts';
import { writeFileAtomic } from '../../shared/files.ts';
import * as format from '../../shared/format.ts';
import { demoFiles } from '../../web/demo-files.ts';
import type { DemoModel, DemoReport } from '../../web/demo-report.ts';
import type { Context } from '../command.ts';
import { checkOutput, modelFile, openModel, shortName } from '../inputs.ts';
import { toJson } from '../output.ts';
import { reduceModel } from '../reducing.ts';
import { firstOfDifferentClasses, privateAnswers } from './private-answers.ts';
import * as words from './words.ts';

export type DemoOptions = {
  readonly out: string;
  readonly model: string;
  readonly data: string;
  readonly epochs: number;
  readonly version: string;
};

const method = 'deepreduce';
const share = 0.25;
const imagesAsked = 4;

/** The whole demo; its files are written to `out`. Returns the report. */
export async function runDemo(context: Context, options: DemoOptions): Promise<DemoReport> {
  const start = performance.now();
  const { say, onProgress } = context;
  const file = join(options.out, 'reduced.onnx');
  checkOutput(file);
  const dataset = await loadDataset(options.data, 'test');
  say(words.introduction);

  say(words.heading(1, 'The network'));
  const original = await openModel(options.model);
  const { relus, params } = inspect(original);
  say(words.network(shortName(options.model), relus, params, stagesOf(original)));

  say(words.heading(2, 'A quarter of the ReLUs'));
  say(words.reducing);
  const reduction = await timed(() =>
    reduceModel(original, { ...options, method, budget: share, seed: 1, onProgress }),
  );
  const { model: reduced, log, budget } = reduction.value;
  await saveModel(file, reduced);
  say(words.removed(log, inspect(reduced).relus, reduction.seconds));

  say(words.heading(3, `Who pays: accuracy of each class on ${format.count(dataset.n)} test images`));
  say(words.comparing);
  const pair = [
    { name: 'original', model: original },
    { name: 'reduced', model: reduced },
  ] as const;
  const fairness = await compareModels(pair, dataset, { onProgress });
  say(words.classes(fairness));

  say(words.heading(4, 'Private answers'));
  say(words.asking);
  const accuracy = (m: number) => fairness.overall[m]!.accuracy;
  const ask = (name: string, path: string, model: Model, m: number) =>
    askPrivately(context, options, dataset, { name, file: path, model, accuracy: accuracy(m) });
  const report: DemoReport = {
    version: options.version,
    date: new Date().toISOString(),
    machine: machine(),
    data: await dataFacts(options.data, dataset),
    reduction: { method, budget, log, seconds: reduction.seconds },
    original: await ask('original', modelFile(options.model), original, 0),
    reduced: await ask('reduced', file, reduced, 1),
    fairness,
    seconds: (performance.now() - start) / 1000,
  };

  say(words.heading(5, 'What it bought'));
  say(words.costs(report));
  await writeReport(report, dataset, options.out);
  return report;
}

async function askPrivately(
  { say, onProgress, signal }: Context,
  { data }: DemoOptions,
  dataset: Dataset,
  { name, file, model, accuracy }: { name: string; file: string; model: Model; accuracy: number },
): Promise<DemoModel> {
  const { relus, macs, params } = inspect(model);
  say(`${name}, ${format.count(relus)} ReLUs:`);
  const indices = firstOfDifferentClasses(dataset, imagesAsked);
  const progress = (done: number) =>
    onProgress({ label: `private answers, ${name}`, done, total: indices.length });
  progress(0);
  let done = 0;
  const onAnswer = (image: DemoModel['images'][number]) => {
    say(words.answer(image));
    progress(++done);
  };
  const answers = await privateAnswers({ file, model, data, dataset, indices, signal, onAnswer });
  return { name, file, relus, macs, params, accuracy, ...answers };
}

async function writeReport(report: DemoReport, dataset: Dataset, out: string): Promise<void> {
  const [channels, height, width] = dataset.shape as [number, number, number];
  const size = channels * height * width;
  const pictures = report.original.images.map(({ index }) => ({
    planes: dataset.images.slice(index * size, (index + 1) * size),
    channels,
    height,
    width,
  }));
  const { html, svg } = await demoFiles(report, pictures);
  await writeFileAtomic(join(out, 'report.json'), `${JSON.stringify(toJson(report), null, 2)}\n`);
  await writeFileAtomic(join(out, 'report.svg'), svg);
  await writeFileAtomic(join(out, 'report.html'), html);
}

async function dataFacts(name: string, test: Dataset): Promise<DemoReport['data']> {
  return { name, trainImages: (await loadDataset(name, 'train')).n, testImages: test.n };
}

function machine(): DemoReport['machine'] {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
  };
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const start = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - start) / 1000 };
}
