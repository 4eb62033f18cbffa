import { UsageError } from '../../src/shared/errors.ts';
import { subset } from './labelled-images.ts';
import type { Dataset, Labels } from './labelled-images.ts';
import { permutation, seededUniform } from './seeded.ts';

/**
 * The seed of validation splits. It is fixed, so that a network which was trained on a data set has never
 * seen the validation images of its reductions, whatever their seeds.
 */
export const validationSeed = 1;

/**
 * Sets `fraction` of each class apart for validation, chosen by `seed`: round(fraction * n) of a class with n
 * images. Both parts keep the order of rows. Throws UsageError for a fraction outside (0, 1).
 */
export function splitValidation(
  dataset: Dataset,
  fraction: number,
  seed = validationSeed,
): { train: Dataset; validation: Dataset } {
  if (!(fraction > 0 && fraction < 1)) {
    throw new UsageError(`validation fraction: expected a number between 0 and 1, got ${fraction}`);
  }
  const held = heldOut(dataset.labels, dataset.classes.length, fraction, seed);
  return {
    train: subset(dataset, indicesWhere(held, 0), `${dataset.name} less validation`),
    validation: subset(dataset, indicesWhere(held, 1), `${dataset.name} validation`),
  };
}

/** Returns 1 for the rows that are set apart and 0 for the others. */
export function heldOut(labels: Labels, classes: number, fraction: number, seed: number): Uint8Array {
  const held = new Uint8Array(labels.length);
  rowsOfClasses(labels, classes).forEach((rows, label) => {
    const order = permutation(rows.length, seededUniform(seed, label));
    const count = Math.round(fraction * rows.length);
    for (let i = 0; i < count; i++) held[rows[order[i]!]!] = 1;
  });
  return held;
}

/** The first `perClass` rows of each class, in the order of the data set. */
export function firstOfEachClass(dataset: Dataset, perClass: number): Dataset {
  const taken = new Uint8Array(dataset.n);
  for (const rows of rowsOfClasses(dataset.labels, dataset.classes.length)) {
    for (const row of rows.slice(0, perClass)) taken[row] = 1;
  }
  return subset(dataset, indicesWhere(taken, 1));
}

/** The rows of each class, in order. */
export function rowsOfClasses(labels: Labels, classes: number): number[][] {
  const rows: number[][] = Array.from({ length: classes }, () => []);
  labels.forEach((label, i) => rows[label]!.push(i));
  return rows;
}

function indicesWhere(flags: Uint8Array, value: number): number[] {
  const found: number[] = [];
  flags.forEach((flag, i) => {
    if (flag === value) found.push(i);
  });
  return found;
}
