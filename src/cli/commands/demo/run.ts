import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { byteImages, loadDataset } from '../../../../models/data/dataset.ts';
import type { Dataset } from '../../../../models/data/dataset.ts';
import type { Model } from '../../../../models/graph.ts';
import { inspect, stagesOf } from '../../../../models/analysis/inspect.ts';
import { saveModel } from '../../../../models/files/write.ts';
import { loadModel } from '../../../../models/files/read.ts';
import { compareModels } from '../../../../pipelines/fairness/compare.ts';
import type { AnswerKind } from '../../../../pipelines/plan/plan.ts';
import { writeFileAtomic } from '../../../shared/files.ts';
import * as format from '../../../shared/format.ts';
import { demoFiles } from '../../../web/demo/files.ts';
import type { DemoModel, DemoReport } from '../../../web/demo/report.ts';
import type { Context } from '../../options/command.ts';
import { checkOutput } from '../../options/inputs.ts';
import { modelFile, shortName } from '../../options/named-model.ts';
import { toJson } from '../../output/output.ts';
import { reduce } from '../../../../pipelines/reduce/reduce.ts';
import { demoReduction, reduceOptions } from './reduction.ts';
import { firstOfDifferentClasses } from '../../options/page.ts';
import { privateAnswers } from './private-answers.ts';
import * as words from './words.ts';

export type DemoOptions = {
  readonly out: string;
  readonly model: string;
  readonly data: string;
  /** Of fine-tuning (default: what suits the reduction). */
  readonly epochs?: number;
  readonly version: string;
};

const imagesAsked = 4;

/** Runs the whole demo, writes its files to `out` and returns the report. */
export async function runDemo(context: Context, options: DemoOptions): Promise<DemoReport> {
  const start = performance.now();
  const { say, onProgress } = context;
  const file = join(options.out, 'reduced.onnx');
  checkOutput(file);
  const dataset = await loadDataset(options.data, 'test');
  say(words.introduction);
  const original = await showNetwork(context, options);
  const reduction = await reduceNetwork(context, options, original, file);

  say(words.heading(3, `Who loses accuracy: each class on ${format.count(dataset.n)} test images`));
  say(words.comparing);
  const both = [
    { name: 'original', model: original },
    { name: 'reduced', model: reduction.model },
  ] as const;
  const fairness = await compareModels(both, dataset, { onProgress });
  say(words.classes(fairness));

  say(words.heading(4, 'Private answers'));
  say(words.asking);
  const asked = (m: 0 | 1, path: string): Asked => {
    const { accuracy } = fairness.overall[m]!;
    return { ...both[m], file: path, accuracy };
  };
  const [before, after] = [asked(0, modelFile(options.model)), asked(1, file)];
  const report: DemoReport = {
    version: options.version,
    date: new Date().toISOString(),
    machine: machine(),
    data: await dataFacts(options.data, dataset),
    reduction: reduction.facts,
    original: await askPrivately(context, options, dataset, before),
    reduced: await askPrivately(context, options, dataset, after),
    labelsAlone: await askForLabels(context, options, dataset, after),
    fairness,
    seconds: (performance.now() - start) / 1000,
  };
  say(words.heading(5, 'Costs before and after'));
  say(words.costs(report));
  await writeReport(report, dataset, options.out);
  return report;
}

async function showNetwork({ say }: Context, { model: name }: DemoOptions): Promise<Model> {
  say(words.heading(1, 'The network'));
  const model = await loadModel(name);
  const { relus, params } = inspect(model);
  say(words.network(shortName(name), relus, params, stagesOf(model)));
  return model;
}

async function reduceNetwork(
  { say, onProgress }: Context,
  options: DemoOptions,
  original: Model,
  file: string,
): Promise<{ model: Model; facts: DemoReport['reduction'] }> {
  const reduction = demoReduction(original, options.epochs);
  const { method, rho } = reduction;
  say(words.heading(2, 'A quarter of the ReLUs'));
  say(words.reducing(rho));
  const start = performance.now();
  const { model, log, budget } = await reduce(original, {
    ...reduceOptions(reduction),
    data: options.data,
    onProgress,
  });
  const seconds = (performance.now() - start) / 1000;
  await saveModel(file, model);
  say(words.removed(log, inspect(model).relus, seconds));
  return { model, facts: { method, budget, log, seconds } };
}

/** A network of the demo. */
type Asked = {
  readonly name: string;
  readonly file: string;
  readonly model: Model;
  readonly accuracy: number;
};

async function askPrivately(
  context: Context,
  options: DemoOptions,
  dataset: Dataset,
  asked: Asked,
): Promise<DemoModel> {
  const { name, file, model, accuracy } = asked;
  const { relus, macs, params } = inspect(model);
  context.say(`${name}, ${format.count(relus)} ReLUs:`);
  const answers = await answersOf(context, options, dataset, asked, 'logits');
  return { name, file, relus, macs, params, accuracy, ...answers };
}

async function askForLabels(
  context: Context,
  options: DemoOptions,
  dataset: Dataset,
  asked: Asked,
): Promise<DemoReport['labelsAlone']> {
  context.say(`${asked.name}, from a server that tells the label alone:`);
  const { images, answerBits } = await answersOf(context, options, dataset, asked, 'label');
  return { images, answerBits };
}

async function answersOf(
  { say, onProgress, signal }: Context,
  { data }: DemoOptions,
  dataset: Dataset,
  { name, file, model }: Asked,
  answer: AnswerKind,
) {
  const indices = firstOfDifferentClasses(dataset, imagesAsked);
  const progress = (done: number) =>
    onProgress({ phase: 'private-answers', of: name, done, total: indices.length });
  progress(0);
  let done = 0;
  const onAnswer = (image: DemoModel['images'][number]) => {
    say(words.answer(image));
    progress(++done);
  };
  return privateAnswers({ file, model, data, dataset, indices, signal, answer, onAnswer });
}

async function writeReport(report: DemoReport, dataset: Dataset, out: string): Promise<void> {
  const [channels, height, width] = dataset.shape as [number, number, number];
  const size = channels * height * width;
  const pictures = report.original.images.map(({ index }) => ({
    planes: byteImages(dataset).slice(index * size, (index + 1) * size),
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
