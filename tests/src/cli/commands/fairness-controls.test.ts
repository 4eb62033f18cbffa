import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pixels, subset } from '../../../../models/data/dataset.ts';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { splitValidation } from '../../../../models/data/splits.ts';
import { chooseThreshold } from '../../../../models/fairness/threshold.ts';
import { loadModel } from '../../../../models/files/read.ts';
import { saveModel } from '../../../../models/files/write.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { cli, cliJson } from '../../../helpers/processes/cli.ts';
import { bars, barsOrNone } from '../../../helpers/data/data.ts';
import { barResnet } from '../../../helpers/networks/networks.ts';
import { npzOf } from '../../../helpers/data/npz.ts';

let folder: string;
let models: string[];
const train = barsOrNone(360, 1);
const tested = barsOrNone(120, 2);
const at = (name: string) => join(folder, name);
const args = (data: string, networks = models) => [
  'fairness',
  ...networks,
  '--data',
  `npz:${at(data)}`,
  '--resamples',
  '100',
];

type Found = {
  overall: { model: string; accuracy: number }[];
  models: { model: string; relus: number }[];
  thresholds: { images: number; models: { probabilities: number[] }[] };
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-controls-'));
  models = [at('a.onnx'), at('b.onnx')];
  await saveModel(models[0]!, barResnet(1, 2));
  await saveModel(models[1]!, barResnet(2, 2));
  await saveModel(at('three.onnx'), barResnet(1, 3));
  await writeFile(at('two.npz'), npzOf(train, tested));
  await writeFile(at('other.npz'), npzOf(train, barsOrNone(100, 3)));
  await writeFile(at('three.npz'), npzOf(bars(90, 1), bars(60, 2)));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Accuracy on the test images with numbers added to the logits of both classes. */
async function accuracyOf(file: string, added: readonly number[], data: Dataset = tested): Promise<number> {
  const logits = await logitsOf(file, data);
  const right = Array.from(data.labels).filter(
    (label, i) => label === +(logits[2 * i + 1]! + added[1]! > logits[2 * i]! + added[0]!),
  );
  return right.length / data.n;
}

const logitsOf = async (file: string, data: Dataset) => predict(await loadModel(file), pixels(data), data.n);

test('--adjust and --threshold: a line more for each network and control, whose accuracies are right', async () => {
  const found = await cliJson<Found>([...args('two.npz'), '--adjust', '--threshold', 'balanced']);
  const names = ['a', 'b', 'a, adjusted', 'b, adjusted', 'a, threshold', 'b, threshold'];
  expect(found.overall.map(({ model }) => model)).toEqual(names);
  expect(found.models.map(({ model }) => model)).toEqual(names);
  expect(found.models[4]!.relus).toBe(found.models[0]!.relus);
  // Two thirds of the training images have a bar.
  const shift = [-Math.log(2 / 3), -Math.log(1 / 3)];
  const { validation } = splitValidation(train, 1 / 12);
  expect(found.thresholds.images).toBe(validation.n);
  for (const [m, file] of models.entries()) {
    const logits = await logitsOf(file, validation);
    const odds = chooseThreshold({ logits, classes: 2, labels: validation.labels }, 1, 'balanced');
    expect(found.thresholds.models[m]!.probabilities).toEqual([expect.closeTo(1 / (1 + Math.exp(-odds)), 6)]);
    const accuracies = [[0, 0], shift, [0, -odds]].map((added) => accuracyOf(file, added));
    expect([0, 2, 4].map((line) => found.overall[m + line]!.accuracy)).toEqual(
      (await Promise.all(accuracies)).map((accuracy) => expect.closeTo(accuracy, 12) as number),
    );
  }
});

test('thresholds do not look at test images: others give the same; the text tells them', async () => {
  const of = async (data: string) =>
    (await cliJson<Found>([...args(data), '--threshold', 'accuracy'])).thresholds;
  expect(await of('other.npz')).toEqual(await of('two.npz'));
  const { stdout } = await cli([...args('two.npz'), '--threshold', 'accuracy']);
  expect(stdout).toMatch(
    /Thresholds for 1, chosen for accuracy on 30 validation images: .* a 0\.\d{3}; b 0\./,
  );
});

test('refused: images that choose, pages and cards, a class without training images, three classes', async () => {
  const rare = subset(train, [...Array(train.n).keys()].filter((i) => train.labels[i] === 0)); // prettier-ignore
  await writeFile(at('rare.npz'), npzOf(rare, tested));
  const wrong = [
    ['two.npz', ['--threshold', 'accuracy', '--split', 'train'], 2, /--threshold .*--split train/],
    ['two.npz', ['--threshold', 'accuracy', '--report', at('page')], 2, /--threshold does not go with/],
    ['two.npz', ['--adjust', '--card', at('card.md')], 2, /--adjust does not go with --report and --card/],
    ['rare.npz', ['--threshold', 'accuracy'], 4, /30 images have 0|20 images have 0/],
    ['rare.npz', ['--adjust'], 4, /--adjust: .* has no training image of 1/],
  ] as const;
  for (const [data, options, exit, says] of wrong) {
    const { code, stderr } = await cli([...args(data), ...options]);
    expect([code, stderr]).toEqual([exit, expect.stringMatching(says)]);
  }
  const three = args('three.npz', [at('three.onnx'), at('three.onnx')]);
  const { code, stderr } = await cli([...three, '--threshold', 'accuracy', '--positive', '1']);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/expected labels of two classes, .* has 3/)]);
});
