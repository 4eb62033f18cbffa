import { basename } from 'node:path';
import { DataError } from '../../../src/shared/errors.ts';
import { parseCsv } from './csv.ts';
import { readBytes } from '../images/disk.ts';
import { classNames, labelsOf, subset } from '../labelled-images.ts';
import type { Dataset, Split } from '../labelled-images.ts';
import { heldOut } from '../splits.ts';

/** Columns that are no input of the network. */
const ownColumns = ['label', 'split'] as const;

/**
 * Reads rows of numbers for a network without pictures from a CSV file with a header: `label` is the class,
 * `split` (optional) is train or test, and all other columns, in their order, are the network's inputs, taken
 * as they are. Without `split`, a fifth of each class, always the same rows, is the test set. Throws
 * DataError that names the file and the line.
 */
export async function readNumberTable(path: string, split: Split): Promise<Dataset> {
  const { columns, rows, lines } = parseCsv(new TextDecoder().decode(await readBytes(path)), path);
  const at = { label: columns.indexOf('label'), split: columns.indexOf('split') };
  const inputs = [...columns.keys()].filter((i) => !ownColumns.some((name) => name === columns[i]));
  if (at.label < 0 || inputs.length === 0)
    throw new DataError(
      `${path}: expected a column 'label' and columns of numbers, got ${columns.join(', ')}`,
    );
  if (rows.length === 0) throw new DataError(`${path}: expected rows, found only the header`);
  const values = new Float32Array(rows.length * inputs.length);
  rows.forEach((row, r) =>
    inputs.forEach((column, i) => {
      values[r * inputs.length + i] = numberIn(row[column]!, `${path}: line ${lines[r]}: ${columns[column]}`);
    }),
  );
  const names = rows.map((row) => row[at.label]!.trim());
  const classes = classNames(path, names);
  const numbers = new Map(classes.map((name, i) => [name, i]));
  const all: Dataset = {
    name: `table ${basename(path)} (${split})`,
    classes,
    shape: [inputs.length],
    images: values,
    labels: labelsOf(
      classes.length,
      names.map((name) => numbers.get(name)!),
    ),
    n: rows.length,
    classOrder: 'names',
  };
  return subset(
    all,
    rowsOf(
      all,
      rows.map((row, r) => splitIn(row[at.split], `${path}: line ${lines[r]}`)),
      split,
    ),
  );
}

function numberIn(cell: string, where: string): number {
  const value = cell.trim() === '' ? NaN : Number(cell);
  if (Number.isFinite(value)) return value;
  throw new DataError(`${where}: expected a number, got '${cell}'`);
}

function splitIn(cell: string | undefined, where: string): Split | undefined {
  if (cell === undefined || cell === 'train' || cell === 'test') return cell;
  throw new DataError(`${where}: expected 'train' or 'test' in the column split`);
}

function rowsOf(all: Dataset, splits: readonly (Split | undefined)[], split: Split): number[] {
  const held = splits[0] === undefined ? heldOut(all.labels, all.classes.length, 1 / 5, 0) : undefined;
  const rows = splits.flatMap((own, i) => {
    const isHere = held === undefined ? own === split : (held[i] === 1) === (split === 'test');
    return isHere ? [i] : [];
  });
  if (rows.length > 0) return rows;
  throw new DataError(`${all.name}: it has no ${split === 'train' ? 'training' : 'test'} rows`);
}
