import { basename, join } from 'node:path';
import { DataError } from '../../../src/shared/errors.ts';
import { readLines } from '../images/disk.ts';
import { datasetOfRows } from './file-rows.ts';
import type { FileRow } from './file-rows.ts';
import { parseTarget } from '../images/image-target.ts';
import type { Dataset, LoadOptions, Split } from '../labelled-images.ts';

const files = {
  attributes: 'list_attr_celeba.txt',
  partition: 'list_eval_partition.txt',
  images: 'img_align_celeba',
} as const;

/**
 * The codes of list_eval_partition.txt. Validation images (1) are not used, because training holds out its
 * own.
 */
const splits: Readonly<Record<string, Split | 'validation'>> = { 0: 'train', 1: 'validation', 2: 'test' };

/**
 * Reads CelebA as its authors unpack it (https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html). `argument` is
 * 'FOLDER,ATTRIBUTE,...[@SIZE]'. The classes are the combinations of the named attributes, as with Male and
 * Blond_Hair in Das et al. 2024; with one attribute, the images that have it are the second class. All
 * attributes in the file are group columns. Throws DataError that names the file and the line.
 */
export async function readCelebA(argument: string, split: Split, options: LoadOptions): Promise<Dataset> {
  const { path, target } = parseTarget(argument, options);
  const [folder = '', ...chosen] = path.split(',');
  if (folder === '' || chosen.length === 0)
    throw new DataError(
      `'celeba:${argument}': expected celeba:FOLDER,ATTRIBUTE such as celeba:celeba,Smiling`,
    );
  const table = await readAttributes(join(folder, files.attributes));
  checkAttributes(table, chosen);
  const partition = await readPartition(join(folder, files.partition));
  const rows = table.rows.flatMap(({ image, has }) => {
    const own = partition.get(image);
    if (own === undefined)
      throw new DataError(`${join(folder, files.partition)}: expected a line for ${image}, found none`);
    if (own === 'validation') return [];
    return [rowOf(join(folder, files.images, image), own, table.names, has, chosen)];
  });
  const name = `celeba ${basename(folder)}, ${chosen.join(' and ')}`;
  return datasetOfRows(name, rows, split, target, { ...options, classes: combinations(chosen) });
}

type Table = {
  readonly names: readonly string[];
  readonly rows: readonly { readonly image: string; readonly has: readonly boolean[] }[];
};

/**
 * Reads a file with a count, a line of attribute names, and a line per image: its file name, and 1 or -1 for
 * each attribute.
 */
async function readAttributes(path: string): Promise<Table> {
  const [count = '', header = '', ...lines] = await readLines(path);
  const names = wordsOf(header);
  if (!/^\s*\d+\s*$/.test(count) || names.length === 0)
    throw new DataError(`${path}: expected a count and a line of attribute names`);
  if (lines.length !== Number(count))
    throw new DataError(
      `${path}: expected ${count.trim()} images as its first line says, got ${lines.length}`,
    );
  const rows = lines.map((line, i) => {
    const [image = '', ...values] = wordsOf(line);
    if (values.length !== names.length || values.some((value) => value !== '1' && value !== '-1'))
      throw new DataError(`${path}: line ${i + 3}: expected an image and ${names.length} numbers 1 or -1`);
    return { image, has: values.map((value) => value === '1') };
  });
  return { names, rows };
}

async function readPartition(path: string): Promise<Map<string, Split | 'validation'>> {
  const lines = await readLines(path);
  return new Map(
    lines.map((line, i) => {
      const [image = '', code = '', ...more] = wordsOf(line);
      if (!Object.hasOwn(splits, code) || more.length > 0)
        throw new DataError(`${path}: line ${i + 1}: expected an image and 0, 1 or 2`);
      return [image, splits[code]!];
    }),
  );
}

function wordsOf(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== '');
}

function checkAttributes({ names }: Table, chosen: readonly string[]): void {
  const wrong = chosen.find((name, i) => !names.includes(name) || chosen.indexOf(name) !== i);
  if (wrong !== undefined)
    throw new DataError(
      `celeba: '${wrong}' is not an attribute or is given twice; the attributes are ${names.join(', ')}`,
    );
}

function rowOf(
  file: string,
  split: Split,
  names: readonly string[],
  has: readonly boolean[],
  chosen: readonly string[],
): FileRow {
  const groups = Object.fromEntries(names.map((name, i) => [name, has[i]! ? name : without(name)]));
  return { file, split, groups, label: chosen.map((name) => groups[name]!).join(', ') };
}

/** The names of all classes, from 'not A, not B' to 'A, B'. */
function combinations([first, ...rest]: readonly string[]): string[] {
  if (first === undefined) return [];
  const inner = combinations(rest);
  const own = [without(first), first];
  return inner.length === 0 ? own : own.flatMap((name) => inner.map((other) => `${name}, ${other}`));
}

function without(name: string): string {
  return `not ${name}`;
}
