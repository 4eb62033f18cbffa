import { basename, join } from 'node:path';
import { DataError } from '../../../src/shared/errors.ts';
import { listImages } from '../images/disk.ts';
import { datasetOfRows } from './file-rows.ts';
import type { FileRow } from './file-rows.ts';
import { parseTarget } from '../images/image-target.ts';
import type { Dataset, LoadOptions, Split } from '../labelled-images.ts';

export type FaceAttribute = 'age' | 'gender' | 'race';

/** The meaning of the numbers, from the data set's page (https://susanqq.github.io/UTKFace/). */
const genders = ['male', 'female'] as const;
const races = ['White', 'Black', 'Asian', 'Indian', 'Others'] as const;

/** The bins of Das, Romanelli and Fioretto (ICML 2024), by their first year. */
const ages = [
  { from: 65, name: '65+' },
  { from: 18, name: '18-64' },
  { from: 13, name: '13-17' },
  { from: 2, name: '2-12' },
  { from: 0, name: '0-1' },
] as const;

const classes: Record<FaceAttribute, readonly string[]> = {
  age: ages.map(({ name }) => name).toReversed(),
  gender: genders,
  race: races,
};

/**
 * Reads UTKFace: one folder of files named age_gender_race_time.jpg. `attribute` is the label, and all three
 * are group columns. A fifth of each class is the test set, as in Das et al. 2024. Throws DataError that
 * lists the files with other names (the published archive has three).
 */
export function readUtkFace(attribute: FaceAttribute) {
  return async (argument: string, split: Split, options: LoadOptions): Promise<Dataset> => {
    const { path, target } = parseTarget(argument, options);
    const rows = rowsOf(path, await listImages(path), attribute);
    const name = `utkface-${attribute} ${basename(path)}`;
    return datasetOfRows(name, rows, split, target, { ...options, classes: classes[attribute] });
  };
}

function rowsOf(path: string, names: readonly string[], attribute: FaceAttribute): FileRow[] {
  const faces = names.map((name) => parseFaceName(name));
  const malformed = names.filter((_, i) => faces[i] === undefined);
  if (malformed.length > 0) {
    const some = malformed.slice(0, 5).join(', ') + (malformed.length > 5 ? ', ...' : '');
    throw new DataError(
      `${path}: ${malformed.length} of ${names.length} images are not named age_gender_race_time: ${some}; ` +
        'rename or remove them',
    );
  }
  return names.map((name, i) => ({
    file: join(path, name),
    label: faces[i]![attribute],
    groups: faces[i]!,
  }));
}

/**
 * Parses the name of a file: '26_1_2_20170116184024662.jpg.chip.jpg' is a face of 26 years, female, Asian.
 * Returns undefined for another form of name.
 */
export function parseFaceName(name: string): Readonly<Record<FaceAttribute, string>> | undefined {
  const match = /^(\d{1,3})_([01])_([0-4])_\d+\./.exec(name);
  if (match === null) return undefined;
  const age = Number(match[1]);
  const bin = ages.find(({ from }) => age >= from)!;
  return { age: bin.name, gender: genders[Number(match[2])]!, race: races[Number(match[3])]! };
}
