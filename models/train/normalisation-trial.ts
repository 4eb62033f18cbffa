import { defined } from '../../src/shared/defined.ts';
import { pixels, subset } from '../data/dataset.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Model } from '../graph.ts';
import { fitsNormalisation, normalisationNames, normalisations, preprocessingOf } from '../preprocessing.ts';
import type { Normalisation } from '../preprocessing.ts';
import type { SessionSetting } from '../runtime/device.ts';
import { sizeOf } from '../tensor.ts';
import { evaluate } from './evaluate.ts';
import type { Evaluation } from './evaluate.ts';

/** The number of images that each normalisation is tried on, spread over the data set. */
const tried = 200;

/** On fewer images than this, an accuracy says little. */
const fewest = 30;

/**
 * Whether an accuracy is near what one answer for all images would have: at most an eighth of the way from
 * the share of the most frequent class to 1. With ten equal classes that is 21 %.
 */
export function isNearChance({ accuracy, n, per_class }: Evaluation): boolean {
  if (n < fewest) return false;
  const largest = per_class.reduce((most, row) => Math.max(most, row.n), 0) / n;
  // With one class only, no share of it says anything.
  return largest < 1 && accuracy <= largest + (1 - largest) / 8;
}

/** A normalisation that was tried, as options of the command line. */
export type TriedNormalisation = { readonly options: string; readonly accuracy: number };

/**
 * The accuracy of a network under each preset and under the images' own mean and standard deviation, best
 * first.
 */
export async function tryNormalisations(
  model: Model,
  dataset: Dataset,
  setting: SessionSetting = {},
): Promise<TriedNormalisation[]> {
  const count = Math.min(tried, dataset.n);
  const some = subset(
    dataset,
    Array.from({ length: count }, (_, i) => Math.floor((i * dataset.n) / count)),
  );
  const { shape } = dataset;
  const presets = normalisationNames
    .filter((name) => fitsNormalisation(shape, normalisations[name]))
    .map((name) => ({ options: `--normalise ${name}`, numbers: normalisations[name] }));
  const own = statisticsOf(some);
  const ownOptions = `--mean ${own.mean.join(',')} --std ${own.std.join(',')}`;
  const results: TriedNormalisation[] = [];
  for (const { options, numbers } of [...presets, { options: ownOptions, numbers: own }]) {
    const accuracy = await accuracyUnder(model, numbers, some, setting);
    results.push({ options, accuracy });
  }
  return results.sort((a, b) => b.accuracy - a.accuracy);
}

async function accuracyUnder(
  { graph, weights }: Model,
  numbers: Normalisation,
  data: Dataset,
  setting: SessionSetting,
): Promise<number> {
  const resize = graph.preprocessing?.resize;
  const preprocessing = preprocessingOf(data.shape, { ...numbers, ...defined({ resize }) });
  return (await evaluate({ graph: { ...graph, preprocessing }, weights }, data, setting)).accuracy;
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
