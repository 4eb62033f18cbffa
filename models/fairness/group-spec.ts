import { UsageError } from '../../src/shared/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { groupsOfProduct } from './groups.ts';
import type { Groups } from './groups.ts';

/**
 * The groups that `--groups` of a reduction names: a column of the data set, several columns joined by
 * commas for their combinations, or 'label' for the class. Throws UsageError for a column that the data
 * set does not have.
 */
export function groupsBySpec(dataset: Dataset, spec: string): Groups {
  return groupsOfProduct(spec.split(',').map((column) => valuesOf(dataset, column)));
}

/** A way to sort all samples into groups: by one column, or by the combinations of several. */
export type Partition = { readonly by: readonly string[]; readonly groups: Groups };

/** More columns would give more than 15 partitions, whose tests correct each other away. */
const mostColumns = 4;

/**
 * The partitions by each column of `spec`, by each pair, and so on; the last is by all of them. Throws
 * UsageError for a column that the data set does not have or that is named twice, and for more than four.
 */
export function partitionsBySpec(dataset: Dataset, spec: string): [...Partition[], Partition] {
  const columns = spec.split(',');
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined)
    throw new UsageError(`--groups ${spec}: ${twice} is named twice; name each column once`);
  if (columns.length > mostColumns)
    throw new UsageError(`--groups ${spec}: expected at most ${mostColumns} columns, got ${columns.length}`);
  const partitions = subsetsOf(columns).map((by) => ({
    by,
    groups: groupsOfProduct(by.map((column) => valuesOf(dataset, column))),
  }));
  return [...partitions.slice(0, -1), partitions.at(-1)!];
}

/** All non-empty subsets in the order of the list, the small ones first. */
function subsetsOf(list: readonly string[]): string[][] {
  const masks = Array.from({ length: 2 ** list.length - 1 }, (_, i) => i + 1);
  return masks.map((mask) => list.filter((_, bit) => (mask >> bit) & 1)).sort((a, b) => a.length - b.length);
}

function valuesOf(dataset: Dataset, column: string): readonly string[] {
  const columns = dataset.groups ?? {};
  if (Object.hasOwn(columns, column)) return columns[column]!;
  if (column === 'label') return Array.from(dataset.labels, (label) => dataset.classes[label]!);
  const known = ['label', ...Object.keys(columns)].join(', ');
  throw new UsageError(`--groups ${column}: ${dataset.name} has no such column; it has ${known}`);
}
