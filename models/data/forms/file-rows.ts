import { defined } from '../../../src/shared/defined.ts';
import { DataError } from '../../../src/shared/errors.ts';
import { readImages } from '../images/image-files.ts';
import type { ImageTarget } from '../images/image-target.ts';
import { classNames, labelsOf } from '../labelled-images.ts';
import type { Columns, Dataset, Labels, LoadOptions, Split } from '../labelled-images.ts';
import { heldOut } from '../splits.ts';

/** An image in a file of its own, with its label, groups and split. */
export type FileRow = {
  readonly file: string;
  readonly label: string;
  /** Every row has the same columns. */
  readonly groups?: Readonly<Record<string, string>>;
  /** Either all rows have a split or none has. */
  readonly split?: Split;
};

/** The share of each class that is the test set if the data has no split of its own; always the same rows. */
const testShare = 1 / 5;

/**
 * Decodes the images of one split. The classes are those of all rows (default for `options.classes`), so that
 * both splits number them alike; `options.classOrder` says what kind of names these are. Throws DataError if
 * the split is empty.
 */
export async function datasetOfRows(
  name: string,
  rows: readonly FileRow[],
  split: Split,
  target: ImageTarget,
  options: LoadOptions & {
    readonly classes?: readonly string[];
    readonly classOrder?: 'folders' | 'names';
  },
): Promise<Dataset> {
  const classes =
    options.classes ??
    classNames(
      name,
      rows.map(({ label }) => label),
    );
  const numbers = new Map(classes.map((label, i) => [label, i]));
  const labels = Uint16Array.from(rows, ({ label }) => numbers.get(label)!);
  const chosen = rowsOf(rows, labels, classes.length, split);
  if (chosen.length === 0)
    throw new DataError(`${name}: it has no ${split === 'train' ? 'training' : 'test'} images`);
  const picked = chosen.map((i) => rows[i]!);
  const decoded = await readImages(
    picked.map(({ file }) => file),
    target,
    options,
  );
  const groups = columnsOf(picked);
  return {
    name: `${name} (${split})`,
    classes,
    ...decoded,
    labels: labelsOf(
      classes.length,
      Uint16Array.from(chosen, (i) => labels[i]!),
    ),
    n: chosen.length,
    ...defined({ groups, classOrder: options.classes === undefined ? options.classOrder : undefined }),
  };
}

function rowsOf(rows: readonly FileRow[], labels: Labels, classes: number, split: Split): number[] {
  const indices = rows.map((_, i) => i);
  if (rows.some((row) => row.split !== undefined)) return indices.filter((i) => rows[i]!.split === split);
  const held = heldOut(labels, classes, testShare, 0);
  return indices.filter((i) => (held[i] === 1) === (split === 'test'));
}

function columnsOf(rows: readonly FileRow[]): Columns | undefined {
  const names = Object.keys(rows[0]?.groups ?? {});
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, rows.map(({ groups }) => groups![name]!)]));
}
