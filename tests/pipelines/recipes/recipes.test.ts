import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hybrenetCounts } from '../../../models/architectures/hybrenet.ts';
import { formats } from '../../../models/data/forms/formats.ts';
import type { ProgressEvent } from '../../../src/shared/progress.ts';
import { countRelus, inspect } from '../../../models/analysis/inspect.ts';
import { deepReduceNetwork } from '../../../models/architectures/deepreduce.ts';
import type { DeepReduceName } from '../../../models/architectures/deepreduce.ts';
import type { Model } from '../../../models/graph.ts';
import { scaleChannels } from '../../../models/passes/scale-channels.ts';
import { scaleMaps } from '../../../models/passes/scale-maps.ts';
import { chooseRelus, selectionOf } from '../../../pipelines/reduce/deepreduce/selection.ts';
import { stagesBy } from '../../../pipelines/reduce/deepreduce/stages.ts';
import { loadModel } from '../../../models/files/read.ts';
import { readRecipe, recipeNames } from '../../../pipelines/recipes/read.ts';
import { recipeNetwork, runRecipe } from '../../../pipelines/recipes/run.ts';
import { promisedBy, recipeSchema } from '../../../pipelines/recipes/schema.ts';
import type { Recipe } from '../../../pipelines/recipes/schema.ts';
import { DataError, UsageError } from '../../../src/shared/errors.ts';
import { seededRng } from '../../helpers/rng.ts';

const networks = new Map<string, Model>();

/** The network of a recipe. Networks of millions of random weights are built once each. */
function networkOf(recipe: Recipe): Model {
  const key = JSON.stringify([recipe.network, recipe.data]);
  const known = networks.get(key) ?? recipeNetwork(recipe, 1);
  networks.set(key, known);
  return known;
}

function relusOf(recipe: Recipe): number {
  const { network, data } = recipe;
  return 'hybrenet' in network
    ? hybrenetCounts({ inChannels: 3, size: data.shape[1], classes: 10, ...network.hybrenet }).relus
    : countRelus(networkOf(recipe));
}

test.each(recipeNames())('%s: is whole, and its network has the ReLUs that it says', (name) => {
  const recipe = readRecipe(name);
  expect(relusOf(recipe)).toBe(recipe.relus);
  expect(recipe.reduce.budget).toBeLessThan(recipe.relus);
  expect(promisedBy(recipe).relus).toBe(recipe.reduce.budget);
  if ('paper' in recipe.origin) expect(recipe.origin.departures.length).toBeGreaterThan(0);
  expect(Object.keys(formats)).toContain(recipe.data.like.split(':')[0]);
});

/** The ReLUs of each layer, as numbers. */
const layersOf = (model: Model): Record<string, number> =>
  Object.fromEntries(
    inspect(model)
      .layers.filter(({ relus }) => relus > 0)
      .map(({ name, relus }) => [name, relus]),
  );

/** The definition that was published with DeepReDuce's checkpoints, for each recipe of the method. */
const definitions: Readonly<Record<string, DeepReduceName>> = {
  'deepreduce-cifar100-resnet18-49k': 'C100_49K',
  'deepreduce-cifar100-resnet18-229k': 'C100_230K',
  'deepreduce-tiny-imagenet-resnet18-49k': 'TINY_49K',
  'deepreduce-tiny-imagenet-resnet18-98k': 'TINY_98K',
};

test.each(recipeNames().filter((name) => name.startsWith('deepreduce')))(
  '%s: each layer keeps the ReLUs of the published definition',
  async (name) => {
    const recipe = readRecipe(name);
    const { deepreduce = {}, budget, replace } = recipe.reduce;
    const { alpha = 1, rho = 1, order = [], thinning = 'elements', cull } = deepreduce;
    const given = networkOf(recipe);
    const shaped = scaleMaps(scaleChannels(given, alpha), rho);
    const stages = stagesBy(shaped, undefined).map((stage) => ({ stage, accuracy: NaN, criticality: NaN }));
    const ranked = order.toReversed().map((own) => stages.find(({ stage }) => stage.name === own)!);
    const surplus = countRelus(shaped) - budget;
    const selection = selectionOf(shaped, ranked, { surplus, thinning, cull });
    const nothing = { images: new Float32Array(0), n: 0 }; // whole layers go, so nothing is measured
    const replaced = await chooseRelus(shaped, selection, replace!, nothing);
    for (const elements of replaced.values()) expect(elements.includes(0)).toBe(false);
    const left = Object.entries(layersOf(shaped)).filter(([layer]) => !replaced.has(layer));
    const wanted = layersOf(deepReduceNetwork(definitions[name]!, { bytes: (n) => new Uint8Array(n) }));
    expect(Object.fromEntries(left)).toEqual(wanted);
  },
);

/** ReLUs of each layer of a stage in the published ResNet-18, for images of 32 x 32. */
const resnet18 = [65_536, 32_768, 16_384, 8_192];

test.each(recipeNames().filter((name) => name.includes('resnet18')))(
  '%s: each layer of the network has the published ReLUs',
  (name) => {
    const recipe = readRecipe(name);
    const scale = (recipe.data.shape[1] / 32) ** 2;
    const layers = Object.values(layersOf(networkOf(recipe)));
    expect(layers).toEqual(resnet18.flatMap((relus) => Array.from({ length: 4 }, () => relus * scale)));
  },
);

const published = readRecipe('snl-cifar10-resnet18-49k');

test.each([
  ['a word too many', { ...published, speed: 1 }, /own\.json: it is not a recipe: [^\n]*speed/],
  [
    'no result',
    { ...published, origin: {} },
    /expected either paper, source, published and departures, or measured/,
  ],
  [
    'a result of a paper and one of this project',
    { ...published, origin: { ...published.origin, measured: { relus: 1, accuracy: 1, on: 'a day' } } },
    /expected either paper/,
  ],
  [
    'no network',
    { ...published, network: { arch: 'resnet9' } },
    /own\.json: it is not a recipe: network: [^\n]*$/,
  ],
  [
    'a method that is not known',
    { ...published, reduce: { ...published.reduce, method: 'magic' } },
    /method/,
  ],
  ['no images a step', { ...published, train: { ...published.train, batch: 0 } }, /batch/],
])('%s is refused', async (_title, changed, reason) => {
  const file = join(await mkdtemp(join(tmpdir(), 'recipe-')), 'own.json');
  await writeFile(file, JSON.stringify(changed));
  expect(() => readRecipe(file)).toThrow(UsageError);
  expect(() => readRecipe(file)).toThrow(reason);
});

test('a name that is not known lists those that are; a file that is no JSON is named', async () => {
  expect(() => readRecipe('../schema')).toThrow(/not known; there are .*snl-cifar10-resnet18-49k/);
  const file = join(await mkdtemp(join(tmpdir(), 'recipe-')), 'own.json');
  await writeFile(file, '{');
  expect(() => readRecipe(file)).toThrow(/own\.json: it cannot be read as JSON/);
});

/** As published, but of a network that trains in seconds. */
const small: Recipe = recipeSchema.parse({
  ...published,
  network: { resnet: { widths: [4, 8], blocks: [1, 1], stemRelu: false } },
  relus: 12_288,
  reduce: { ...published.reduce, budget: 3000 },
});

/** CIFAR-10's files with images of noise. */
async function cifar10(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cifar-'));
  const records = (file: string, n: number) => {
    const bytes = seededRng(file).bytes(n * 3073);
    for (let i = 0; i < n; i++) bytes[i * 3073] = i % 10;
    return writeFile(join(folder, file), bytes);
  };
  for (const k of [1, 2, 3, 4, 5]) await records(`data_batch_${k}.bin`, 40);
  await records('test_batch.bin', 20);
  return folder;
}

test('a recipe runs for some steps on data in the same format, keeps its files, and goes on from them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'run-'));
  const options = { data: `cifar10:${await cifar10()}`, folder, seed: 3, threads: 1, maxSteps: 2, batch: 8 };
  const { reduction, reduced } = await runRecipe(small, options);
  expect([reduction.relusBefore, reduction.relusAfter, reduced.n]).toEqual([12_288, 3000, 16]);
  expect(countRelus(await loadModel(join(folder, 'original.onnx')))).toBe(12_288);
  const bytes = await readFile(join(folder, 'reduced.onnx'));
  expect(countRelus(await loadModel(join(folder, 'reduced.onnx')))).toBe(3000);
  let steps = 0;
  const onProgress = ({ training }: ProgressEvent) => void (training && steps++);
  await runRecipe(small, { ...options, onProgress });
  expect(steps).toBe(0);
  expect(await readFile(join(folder, 'reduced.onnx'))).toEqual(bytes);
});

test('data of another form are refused before any work', async () => {
  const run = runRecipe(readRecipe('snl-cifar100-resnet18-13k'), {
    data: 'fashion-mnist-part',
    folder: '/nowhere',
    seed: 1,
  });
  await expect(run).rejects.toThrow(DataError);
  await expect(run).rejects.toThrow(
    /expected 100 classes of images 3 x 32 x 32, like cifar100:FOLDER, got 10 of 1 x 28 x 28/,
  );
});
