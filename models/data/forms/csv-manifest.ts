import { basename, dirname, resolve } from 'node:path';
import { defined } from '../../../src/shared/defined.ts';
import { DataError } from '../../../src/shared/errors.ts';
import { parseCsv } from './csv.ts';
import type { Csv } from './csv.ts';
import { readBytes } from '../images/disk.ts';
import { datasetOfRows } from './file-rows.ts';
import type { FileRow } from './file-rows.ts';
import { parseTarget } from '../images/image-target.ts';
import type { Dataset, LoadOptions, Split } from '../labelled-images.ts';

/**
 * Reads a data set from a CSV file with a header. The column `path` is relative to the CSV file's folder,
 * `label` is the class, and `split` (optional) is train or test; all other columns are groups. Without
 * `split`, a fifth of each class, always the same rows, is the test set. Throws DataError that names the file
 * and the line.
 */
export async function readCsvManifest(
  argument: string,
  split: Split,
  options: LoadOptions,
): Promise<Dataset> {
  const { path, target } = parseTarget(argument, options);
  const csv = parseCsv(new TextDecoder().decode(await readBytes(path)), path);
  const rows = rowsOf(csv, path);
  if (rows.length === 0)
    throw new DataError(`${path}: expected a line for each image, found only the header`);
  return datasetOfRows(`csv ${basename(path)}`, rows, split, target, { ...options, classOrder: 'names' });
}

function rowsOf({ columns, rows, lines }: Csv, path: string): FileRow[] {
  const repeated = columns.find((column, i) => column === '' || columns.indexOf(column) !== i);
  if (repeated !== undefined)
    throw new DataError(`${path}: column '${repeated}' has an empty name or the name of another column`);
  const missing = ['path', 'label'].find((column) => !columns.includes(column));
  if (missing !== undefined) {
    throw new DataError(`${path}: expected a column '${missing}' in the header, got ${columns.join(', ')}`);
  }
  return rows.map((row, i) =>
    rowOf(Object.fromEntries(columns.map((c, k) => [c, row[k]!])), path, lines[i]!),
  );
}

function rowOf(cells: Readonly<Record<string, string>>, path: string, line: number): FileRow {
  const { path: file = '', label = '', split, ...groups } = cells;
  if (file === '' || label === '')
    throw new DataError(`${path}: line ${line}: the path or the label is empty`);
  if (split !== undefined && split !== 'train' && split !== 'test') {
    throw new DataError(`${path}: line ${line}: expected 'train' or 'test' in the column split`);
  }
  return { file: resolve(dirname(path), file), label, ...defined({ split }), groups };
}
