import { DataError } from '../../src/shared/errors.ts';

/** Which group each sample belongs to: `codes[i]` indexes `names`. Groups are public columns or class labels. */
export type Groups = { readonly names: readonly string[]; readonly codes: Int32Array };

/** A group is a class label, as in Das, Romanelli and Fioretto (ICML 2024). `labels` in [0, names.length). */
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

/** A group is a value of a column, one string a sample; groups come in the order of their names. */
export function groupsOfColumn(values: readonly string[]): Groups {
  const names = [...new Set(values)].sort();
  const codeOf = new Map(names.map((name, code) => [name, code]));
  return { names, codes: Int32Array.from(values, (value) => codeOf.get(value)!) };
}

/** A group is a combination of values, written 'a, b'; all columns have one string a sample. One column is itself. */
export function groupsOfProduct(columns: readonly (readonly string[])[]): Groups {
  const [first = []] = columns;
  return groupsOfColumn(first.map((_, sample) => columns.map((column) => column[sample]!).join(', ')));
}

/** Sample indices of each group, in order; an empty group has an empty list. */
export function membersOf(groups: Groups): Int32Array[] {
  const lists: number[][] = groups.names.map(() => []);
  groups.codes.forEach((code, sample) => lists[code]!.push(sample));
  return lists.map((list) => Int32Array.from(list));
}
