import { UsageError } from '../../src/shared/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { groupsOfProduct } from './groups.ts';
import type { Groups } from './groups.ts';

/**
 * The groups that `--groups` names: a column of the data set, several columns joined by commas for their
 * combinations, or 'label' for the class. Throws UsageError for a column that the data set does not have.
 */
export function groupsBySpec(dataset: Dataset, spec: string): Groups {
  const columns = dataset.groups ?? {};
  return groupsOfProduct(
    spec.split(',').map((column) => {
      if (Object.hasOwn(columns, column)) return columns[column]!;
      if (column === 'label') return Array.from(dataset.labels, (label) => dataset.classes[label]!);
      const known = ['label', ...Object.keys(columns)].join(', ');
      throw new UsageError(`--groups ${column}: ${dataset.name} has no such column; it has ${known}`);
    }),
  );
}
