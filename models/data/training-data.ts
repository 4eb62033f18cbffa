import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { History, TrainingData } from '../history.ts';
import { hashDataset } from './hash-dataset.ts';
import type { Dataset } from './labelled-images.ts';

/**
 * What a network remembers of the training split that it was trained with, `heldOut` of which it never
 * saw.
 */
export function trainingDataOf(whole: Dataset, heldOut: number): TrainingData {
  return { name: publicName(whole.name), hash: datasetHash(whole), images: whole.n, heldOut };
}

/** SHA-256 of a data set's images and labels. Its name does not count. */
export function datasetHash(dataset: Dataset): string {
  const hash = createHash('sha256');
  hashDataset(hash, dataset);
  return hash.digest('hex');
}

/** Paths tell where somebody keeps their images; files that others get have only the last part of them. */
export function publicName(name: string): string {
  const isVariant = (part: string) => /^\w+=[\d./]+$/.test(part);
  return name
    .split('+')
    .map((part) => (isVariant(part) ? part : part.split(',').map(lastPart).join(',')))
    .join('+');
}

/** 'csv:/home/me/faces.csv' -> 'csv:faces.csv'; the letter of a drive is no prefix. */
function lastPart(text: string): string {
  const [, prefix = '', path = ''] = /^([a-z-]{2,}:)?(.*)$/s.exec(text)!;
  return prefix + basename(path.replaceAll('\\', '/'));
}

/**
 * Says that a network was trained on images that are about to choose or to test; undefined if that is not
 * known. `whole` is the split, and `heldOut` the share of it that is to be held out (0: all of its images
 * are used).
 */
export function overlapWarning(
  history: History | undefined,
  whole: Dataset,
  heldOut: number,
): string | undefined {
  if (history === undefined || history.length === 0) return undefined;
  const hash = datasetHash(whole);
  const seen = history.find(
    (step) => step.data.hash === hash && (heldOut === 0 || step.data.heldOut !== heldOut),
  );
  if (seen === undefined) return undefined;
  const images = heldOut === 0 ? 'these images' : 'validation images of this split';
  return `the network was trained on ${images} (${seen.step} with ${seen.data.name}): accuracy on them says too much`;
}
