import { defined } from '../../src/shared/defined.ts';
import { pixels, subset } from '../data/dataset.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Model } from '../graph.ts';
import { fitsNormalisation, normalisationNames, normalisations, preprocessingOf } from '../preprocessing.ts';
import type { Normalisation } from '../preprocessing.ts';
import type { SessionSetting } from '../runtime/device.ts';
import { sizeOf } from '../tensor.ts';
import { predictClasses, scored } from './evaluate.ts';

/** The number of images that each normalisation is tried on, spread over the data set. */
export const tried = 200;

/** A normalisation that was tried, as options of the command line, with its accuracy or another score. */
export type TriedNormalisation = { readonly options: string; readonly score: number };

/** What predictions are worth, in [0, 1]: one class for each image of the data set. */
export type Score = (predicted: ArrayLike<number>, dataset: Dataset) => number;

/**
 * The score of a network under each preset and under the images' own mean and standard deviation, best first.
 * The default score is the accuracy, for labels that are numbers of logits: see `fitted`.
 */
export async function tryNormalisations(
  model: Model,
  dataset: Dataset,
  setting: SessionSetting = {},
  score: Score = (predicted, data) => scored(data, predicted).accuracy,
): Promise<TriedNormalisation[]> {
  const some = spread(dataset, tried);
  const presets = normalisationNames
    .filter((name) => fitsNormalisation(dataset.shape, normalisations[name]))
    .map((name) => ({ options: `--normalise ${name}`, numbers: normalisations[name] }));
  const own = statisticsOf(some);
  const ownOptions = `--mean ${own.mean.join(',')} --std ${own.std.join(',')}`;
  const results: TriedNormalisation[] = [];
  for (const { options, numbers } of [...presets, { options: ownOptions, numbers: own }]) {
    const predicted = await predictedUnder(model, numbers, some, setting);
    results.push({ options, score: score(predicted, some) });
  }
  return results.sort((a, b) => b.score - a.score);
}

/** At most `most` images of a data set, spread over all. */
export function spread(dataset: Dataset, most: number): Dataset {
  const count = Math.min(most, dataset.n);
  return subset(
    dataset,
    Array.from({ length: count }, (_, i) => Math.floor((i * dataset.n) / count)),
  );
}

async function predictedUnder(
  { graph, weights }: Model,
  numbers: Normalisation,
  data: Dataset,
  setting: SessionSetting,
): Promise<Uint16Array> {
  const resize = graph.preprocessing?.resize;
  const preprocessing = preprocessingOf(data.shape, { ...numbers, ...defined({ resize }) });
  return predictClasses({ graph: { ...graph, preprocessing }, weights }, data, data.n, setting);
}

/** Mean and standard deviation of each channel, to three digits as people write them. */
function statisticsOf(data: Dataset): { mean: number[]; std: number[] } {
  const [values, channels] = [pixels(data), data.shape[0]!];
  const place = sizeOf(data.shape.slice(1));
  const [sums, squares] = [new Float64Array(channels), new Float64Array(channels)];
  values.forEach((value, i) => {
    const channel = Math.floor(i / place) % channels;
    sums[channel]! += value;
    squares[channel]! += value * value;
  });
  const count = data.n * place;
  const mean = Array.from(sums, (sum) => sum / count);
  const std = mean.map((m, c) => Math.sqrt(Math.max(0, squares[c]! / count - m * m)) || 1);
  const short = (list: readonly number[]) => list.map((value) => Number(value.toPrecision(3)));
  return { mean: short(mean), std: short(std) };
}
