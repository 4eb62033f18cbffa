import { DataError } from '../../src/shared/errors.ts';
import { subset } from './labelled-images.ts';
import type { Dataset, Split } from './labelled-images.ts';
import { permutation, seededUniform } from './seeded.ts';
import { shiftSome } from './shift.ts';
import { rowsOfClasses } from './splits.ts';

/**
 * A way to make a data set unequal on purpose, written after its spec:
 * 'fashion-mnist+unequal=0.9/0.1+shifted=0.2'.
 */
type Variant = {
  /** An example of the spec on the command line. */
  readonly spec: string;
  readonly summary: string;
  readonly apply: (dataset: Dataset, value: string, split: Split) => Dataset;
};

export const variants: Readonly<Record<string, Variant>> = {
  unequal: {
    spec: '+unequal=0.9/0.1',
    summary:
      'trains on 90 % of the images in the first half of the classes and 10 % in the second; ' +
      'more shares make more parts',
    apply: (dataset, value, split) => thin(dataset, split, shares(value, dataset.classes.length)),
  },
  'long-tail': {
    spec: '+long-tail=100',
    summary: 'trains on fewer and fewer images from class to class, down to 1/100 of them in the last',
    apply: (dataset, value, split) => thin(dataset, split, tail(value, dataset.classes.length)),
  },
  shifted: {
    spec: '+shifted=0.2',
    summary: "rotates, darkens and adds noise to 20 % of each class; these are a group in the column 'shift'",
    apply: (dataset, value, split) => shiftSome(dataset, share('shifted', value), split),
  },
};

/**
 * Splits 'fashion-mnist+unequal=0.9/0.1' into the spec of a format and its variants, in the order written.
 */
export function parseVariants(spec: string): { base: string; chosen: { name: string; value: string }[] } {
  const names = Object.keys(variants).join('|');
  const match = new RegExp(`^(.+?)((?:\\+(?:${names})=[^+]*)+)$`).exec(spec);
  if (match === null) return { base: spec, chosen: [] };
  const chosen = match[2]!.split('+').slice(1);
  return {
    base: match[1]!,
    chosen: chosen.map((part) => {
      const equals = part.indexOf('=');
      return { name: part.slice(0, equals), value: part.slice(equals + 1) };
    }),
  };
}

/** Applies variants one after another. Throws DataError for an invalid value. */
export function applyVariants(
  dataset: Dataset,
  split: Split,
  chosen: ReturnType<typeof parseVariants>['chosen'],
): Dataset {
  return chosen.reduce((data, { name, value }) => {
    return { ...variants[name]!.apply(data, value, split), name: `${data.name} +${name}=${value}` };
  }, dataset);
}

/**
 * Keeps a share of each class's training images, but at least one, chosen by a fixed seed and in the order of
 * rows. Test images all stay, so that a rare class is measured as exactly as a common one.
 */
function thin(dataset: Dataset, split: Split, kept: readonly number[]): Dataset {
  if (split === 'test') return dataset;
  const rows = rowsOfClasses(dataset.labels, dataset.classes.length).flatMap((own, label) => {
    const order = permutation(own.length, seededUniform(1, label));
    const count = Math.min(own.length, Math.max(1, Math.round(kept[label]! * own.length)));
    return Array.from(order.subarray(0, count), (i) => own[i]!);
  });
  return subset(
    dataset,
    rows.sort((a, b) => a - b),
  );
}

/**
 * Turns '0.9/0.1' into a share per class: k shares are for k parts of the classes, as equal in size as
 * possible.
 */
function shares(value: string, classes: number): number[] {
  const given = value.split('/').map((one) => share('unequal', one));
  if (given.length > classes)
    throw new DataError(`+unequal=${value}: ${given.length} shares are more than the ${classes} classes`);
  return Array.from({ length: classes }, (_, label) => given[Math.floor((label * given.length) / classes)]!);
}

/**
 * Shares that fall exponentially from 1 for the first class to 1 / `ratio` for the last (Cui et al. 2019,
 * section 5).
 */
function tail(value: string, classes: number): number[] {
  const ratio = Number(value);
  if (!/^\d+(\.\d+)?$/.test(value) || ratio < 1)
    throw new DataError(`+long-tail=${value}: expected a number of at least 1, such as 100`);
  return Array.from({ length: classes }, (_, label) => ratio ** (-label / Math.max(1, classes - 1)));
}

function share(name: string, text: string): number {
  const value = Number(text);
  if (/^\d*\.?\d+$/.test(text) && value > 0 && value <= 1) return value;
  throw new DataError(`+${name}: expected a share above 0 and up to 1, such as 0.1, got '${text}'`);
}
