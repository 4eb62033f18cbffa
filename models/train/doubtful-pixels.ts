import * as format from '../../src/shared/format.ts';
import { classCounts } from '../data/dataset.ts';
import type { Dataset } from '../data/dataset.ts';
import { findMatch } from '../data/match-classes.ts';
import type { Model } from '../graph.ts';
import type { SessionSetting } from '../runtime/device.ts';
import { predictClasses, scored } from './evaluate.ts';
import type { Evaluation } from './evaluate.ts';
import { spread, tried, tryNormalisations } from './normalisation-trial.ts';
import type { Score } from './normalisation-trial.ts';

/** On fewer images than this, an accuracy says little. */
const fewest = 30;

/**
 * On fewer images than this, pixels that are stated are believed. Trying the presets on 200 images each adds
 * half of the time to an evaluation of 2,000 images, and a tenth to one of 10,000.
 */
const manyImages = 2000;

/** The number of images on which a network is looked at before it is served. */
const lookedAt = 100;

/**
 * Whether an accuracy is near what one answer for all images would have: at most an eighth of the way from
 * the share of the most frequent class to 1. With ten equal classes that is 21 %.
 */
export function isNearChance({ accuracy, n, per_class }: Evaluation): boolean {
  const largest = per_class.reduce((most, row) => Math.max(most, row.n), 0) / n;
  return n >= fewest && isWithin(accuracy, largest, 1 / 8);
}

/** With one class only, no share of it says anything. */
function isWithin(accuracy: number, largest: number, part: number): boolean {
  return largest < 1 && accuracy <= largest + part * (1 - largest);
}

/**
 * What an evaluation says against the pixels that a network was given, as a sentence that names the
 * normalisation which gives most. It looks for one near chance, wherever neither the file nor the user says
 * what the pixels are (a network that expects others may lose a few points only), and on many images.
 */
export async function pixelsWarning(
  model: Model,
  dataset: Dataset,
  found: Evaluation,
  setting: SessionSetting = {},
): Promise<string | undefined> {
  if (isNearChance(found)) return chanceText(model, dataset, found.accuracy, setting);
  const isStated = model.graph.preprocessing !== undefined;
  if (found.n < (isStated ? manyImages : fewest)) return undefined;
  return isStated ? statedText(model, dataset, setting) : unstatedText(model, dataset, setting);
}

async function chanceText(
  model: Model,
  dataset: Dataset,
  accuracy: number,
  setting: SessionSetting,
): Promise<string> {
  const [best] = await tryNormalisations(model, dataset, setting);
  const head = `an accuracy of ${format.percent(accuracy)} is near chance`;
  return best !== undefined && best.score > Math.max(2 * accuracy, accuracy + 0.1)
    ? `${head}: the model seems to expect other pixels; with ${best.options} it has ${format.percent(best.score)} on some of the images`
    : `${head}, and no usual normalisation of the pixels gives much more: is the model trained, are the classes in its order (--classes)?`;
}

/** Pixels from 0 to 1 are the default, which may be wrong where nothing is said. */
async function unstatedText(
  model: Model,
  dataset: Dataset,
  setting: SessionSetting,
): Promise<string | undefined> {
  const tries = await tryNormalisations(model, dataset, setting);
  const [best, unit] = [tries[0]!, tries.find(({ options }) => options === '--normalise unit')!];
  if (best.score - unit.score < leastGain(unit.score, Math.min(dataset.n, tried))) return undefined;
  return (
    `nothing says what the model's pixels are, so they are from 0 to 1; on some of the images it has ` +
    `${format.percent(best.score)} with ${best.options} and ${format.percent(unit.score)} without: ` +
    'give what it was trained with, or --normalise unit if that is right'
  );
}

/** What is stated may be another preset than that of the training. */
async function statedText(
  model: Model,
  dataset: Dataset,
  setting: SessionSetting,
): Promise<string | undefined> {
  const some = spread(dataset, tried);
  const here = scored(some, await predictClasses(model, some, some.n, setting)).accuracy;
  const [best] = await tryNormalisations(model, dataset, setting);
  if (best === undefined || best.score - here < leastGain(here, some.n)) return undefined;
  return (
    `on some of the images the model has ${format.percent(best.score)} with ${best.options}, and ` +
    `${format.percent(here)} with the pixels that its file or the options state: check what it was trained with`
  );
}

/** Two standard deviations of the difference of two accuracies on n images, and 5 points at least. */
function leastGain(accuracy: number, n: number): number {
  return Math.max(0.05, 2 * Math.sqrt((2 * accuracy * (1 - accuracy)) / n));
}

/**
 * The same for the labelled images that a network is calibrated on, before it is served. Where it would be a
 * guess which class is which logit, it looks at how far answers and classes go together under any names, and
 * speaks only if another normalisation brings them together.
 */
export async function calibrationPixels(model: Model, dataset: Dataset): Promise<string | undefined> {
  const some = spread(dataset, lookedAt);
  const match = findMatch(model, some);
  if (!('refusal' in match)) {
    const found = scored(match.dataset, await predictClasses(model, match.dataset, some.n));
    return isNearChance(found) ? chanceText(model, match.dataset, found.accuracy, {}) : undefined;
  }
  const predicted = await predictClasses(model, some, some.n);
  if (some.n < fewest || !isWithin(together(predicted, some), largestShare(some), 1 / 4)) return undefined;
  return strangersText(model, some, together(predicted, some));
}

/** The share of images that have the most frequent class among those with the same answer. */
const together: Score = (predicted, { labels, classes, n }) => {
  const counts = new Map<number, Uint32Array>();
  for (let i = 0; i < n; i++) {
    const answer = predicted[i]!;
    const row = counts.get(answer) ?? new Uint32Array(classes.length);
    row[labels[i]!]!++;
    counts.set(answer, row);
  }
  return [...counts.values()].reduce((sum, row) => sum + row.reduce((a, b) => Math.max(a, b), 0), 0) / n;
};

function largestShare(dataset: Dataset): number {
  return Math.max(...classCounts(dataset)) / dataset.n;
}

async function strangersText(model: Model, some: Dataset, here: number): Promise<string | undefined> {
  const [best] = await tryNormalisations(model, some, {}, together);
  if (best === undefined || best.score < here + 0.2) return undefined;
  return (
    'its answers hardly go with the classes of these images: the model seems to expect other pixels; ' +
    `with ${best.options} they do for ${format.percent(best.score)} of the images, now for ${format.percent(here)}`
  );
}
