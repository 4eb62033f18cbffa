import { DataError } from '../../src/shared/errors.ts';

/**
 * The group of each sample: `codes[i]` is an index into `names`. Groups are public columns or class labels.
 */
export type Groups = { readonly names: readonly string[]; readonly codes: Int32Array };

/**
 * Groups by class label, as in Das, Romanelli and Fioretto (ICML 2024). Throws DataError for a label outside
 * [0, names.length).
 */
export function groupsOfLabels(labels: ArrayLike<number>, names: readonly string[]): Groups {
  const codes = Int32Array.from(labels);
  const stranger = codes.findIndex((code) => code < 0 || code >= names.length);
  if (stranger >= 0) {
    throw new DataError(
      `groups: the label of sample ${stranger} is outside the ${names.length} known classes`,
    );
  }
  return { names, codes };
}

/** Groups by the value of a column with one string per sample; the groups are in the order of their names. */
export function groupsOfColumn(values: readonly string[]): Groups {
  const names = [...new Set(values)].sort();
  const codeOf = new Map(names.map((name, code) => [name, code]));
  return { names, codes: Int32Array.from(values, (value) => codeOf.get(value)!) };
}

/**
 * Groups by the combination of several columns, written 'a, b'; each column has one string per sample. With
 * one column, the groups are its values.
 */
export function groupsOfProduct(columns: readonly (readonly string[])[]): Groups {
  const [first = []] = columns;
  return groupsOfColumn(first.map((_, sample) => columns.map((column) => column[sample]!).join(', ')));
}

/** The sample indices of each group, in order; an empty group has an empty list. */
export function membersOf(groups: Groups): Int32Array[] {
  const lists: number[][] = groups.names.map(() => []);
  groups.codes.forEach((code, sample) => lists[code]!.push(sample));
  return lists.map((list) => Int32Array.from(list));
}
