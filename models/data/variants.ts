import { DataError } from '../../src/shared/errors.ts';
import { subset } from './labelled-images.ts';
import type { Dataset, Split } from './labelled-images.ts';
import { permutation, seededUniform } from './seeded.ts';
import { shiftSome } from './shift.ts';
import { rowsOfClasses } from './splits.ts';

/** A data set made unequal on purpose, to be written behind the spec of any: 'fashion-mnist+unequal=0.9/0.1+shifted=0.2'. */
type Variant = {
  /** As on the command line. */
  readonly spec: string;
  readonly summary: string;
  readonly apply: (dataset: Dataset, value: string, split: Split) => Dataset;
};

export const variants: Readonly<Record<string, Variant>> = {
  unequal: {
    spec: '+unequal=0.9/0.1',
    summary:
      'trains with this share of each class: the first half of the classes, the second; tested on all (more shares: more parts)',
    apply: (dataset, value, split) => thin(dataset, split, shares(value, dataset.classes.length)),
  },
  'long-tail': {
    spec: '+long-tail=100',
    summary:
      'trains with fewer and fewer of each class, the last one a hundredth of the first; tested on all',
    apply: (dataset, value, split) => thin(dataset, split, tail(value, dataset.classes.length)),
  },
  shifted: {
    spec: '+shifted=0.2',
    summary: "turns, darkens and adds noise to this share of each class: the column 'shift' for groups",
    apply: (dataset, value, split) => shiftSome(dataset, share('shifted', value), split),
  },
};

/** Splits 'fashion-mnist+unequal=0.9/0.1' into the spec of a form and its variants, in the order written. */
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

/** Applies variants one after another. Throws DataError for a value that is none. */
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
 * Keeps a share of each class's training images, chosen by a fixed seed, in the order of the rows; at least one. The test images
 * stay: a rare class is to be measured as exactly as a common one.
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

/** '0.9/0.1' as a share for each class: k shares are of k parts of the classes, as equal as can be. */
function shares(value: string, classes: number): number[] {
  const given = value.split('/').map((one) => share('unequal', one));
  if (given.length > classes)
    throw new DataError(`+unequal=${value}: ${given.length} shares are more than the ${classes} classes`);
  return Array.from({ length: classes }, (_, label) => given[Math.floor((label * given.length) / classes)]!);
}

/** Exponentially fewer from the first class, all of it, to the last, a `ratio`th (Cui et al. 2019, section 5). */
function tail(value: string, classes: number): number[] {
  const ratio = Number(value);
  if (!/^\d+(\.\d+)?$/.test(value) || ratio < 1)
    throw new DataError(`+long-tail=${value}: expected a number from 1 on, such as 100`);
  return Array.from({ length: classes }, (_, label) => ratio ** (-label / Math.max(1, classes - 1)));
}

function share(name: string, text: string): number {
  const value = Number(text);
  if (/^\d*\.?\d+$/.test(text) && value > 0 && value <= 1) return value;
  throw new DataError(`+${name}: expected a share above 0 and up to 1, such as 0.1, got '${text}'`);
}
