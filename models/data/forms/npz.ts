import { basename } from 'node:path';
import { unzipSync } from 'fflate';
import { DataError } from '../../../src/shared/errors.ts';
import { readBytes } from '../images/disk.ts';
import { labelsOf, maxClasses, numberedClasses, sameKind, subset } from '../labelled-images.ts';
import type { Dataset, Split } from '../labelled-images.ts';
import { parseNpy } from './npy.ts';
import type { Npy } from './npy.ts';
import { heldOut } from '../splits.ts';

/** The names of the arrays as Keras, MedMNIST and others save them. */
const splitNames: Record<Split, readonly ArrayNames[]> = {
  train: [
    { images: 'x_train', labels: 'y_train' },
    { images: 'train_images', labels: 'train_labels' },
  ],
  test: [
    { images: 'x_test', labels: 'y_test' },
    { images: 'test_images', labels: 'test_labels' },
  ],
};

const wholeNames: readonly ArrayNames[] = [
  { images: 'images', labels: 'labels' },
  { images: 'x', labels: 'y' },
  { images: 'arr_0', labels: 'arr_1' },
];

type ArrayNames = { readonly images: string; readonly labels: string };

/** The most bytes to unpack, about as many as one array in memory can have. */
const maxBytes = 2 ** 31;

/**
 * Reads a data set from NumPy's archive of arrays: x_train, y_train, x_test, y_test (Keras), train_images and
 * so on (MedMNIST), or only images and labels, of which a fifth of each class, always the same rows, is the
 * test set. Images are [n, H, W], [n, H, W, C] or [n, C, H, W], of bytes from 0 to 255 or floats from 0 to 1;
 * rows of numbers are [n, C]; labels are integers [n] or [n, 1].
 * Throws DataError that names the file and the array.
 */
export async function readNpz(path: string, split: Split): Promise<Dataset> {
  const arrays = unzip(await readBytes(path), path);
  const name = `npz ${basename(path)} (${split})`;
  const other = split === 'train' ? 'test' : 'train';
  const own = splitNames[split].find(({ images }) => arrays.has(images));
  if (own !== undefined) {
    const there = splitNames[other].find(({ labels }) => arrays.has(labels));
    const theirs = there && readLabels(arrays, there.labels, path);
    return datasetOf(name, arrays, own, path, theirs);
  }
  const whole = wholeNames.find(({ images }) => arrays.has(images));
  if (whole === undefined) {
    const wanted = [...splitNames[split], ...wholeNames].map(({ images }) => images);
    throw new DataError(
      `${path}: expected an array ${wanted.join(' or ')}, got ${[...arrays.keys()].join(', ') || 'none'}`,
    );
  }
  return fifth(datasetOf(name, arrays, whole, path), split);
}

function fifth(all: Dataset, split: Split): Dataset {
  const held = heldOut(all.labels, all.classes.length, 1 / 5, 0);
  const rows = Array.from(held.keys()).filter((i) => (held[i] === 1) === (split === 'test'));
  if (rows.length === 0)
    throw new DataError(`${all.name}: it has too few images for a training and a test set`);
  return subset(all, rows);
}

/** The .npy files of an archive by name, not yet parsed. */
function unzip(bytes: Uint8Array, path: string): Map<string, Uint8Array> {
  let total = 0;
  try {
    const files = unzipSync(bytes, {
      filter({ name, originalSize }) {
        total += originalSize;
        if (total > maxBytes) throw new Error(`unpacks to more than ${maxBytes} bytes`);
        return name.endsWith('.npy');
      },
    });
    return new Map(Object.entries(files).map(([name, data]) => [name.slice(0, -'.npy'.length), data]));
  } catch (error) {
    throw new DataError(`${path}: the .npz archive cannot be read (${(error as Error).message})`);
  }
}

function datasetOf(
  name: string,
  arrays: ReadonlyMap<string, Uint8Array>,
  names: ArrayNames,
  path: string,
  otherLabels: Uint16Array = new Uint16Array(),
): Dataset {
  const where = `${path}: ${names.images}`;
  const { shape, images } = planesFirst(parseNpy(arrays.get(names.images)!, where), where);
  const found = readLabels(arrays, names.labels, path);
  const [n = 0, ...image] = shape;
  if (found.length !== n) {
    throw new DataError(`${path}: ${names.labels}: expected ${n} labels for the images, got ${found.length}`);
  }
  const classes = numberedClasses(found, otherLabels);
  return { name, classes, shape: image, images, labels: labelsOf(classes.length, found), n };
}

function readLabels(arrays: ReadonlyMap<string, Uint8Array>, name: string, path: string): Uint16Array {
  const bytes = arrays.get(name);
  if (bytes === undefined) throw new DataError(`${path}: expected an array ${name} of labels`);
  const { shape, data } = parseNpy(bytes, `${path}: ${name}`);
  if (!(shape.length === 1 || (shape.length === 2 && shape[1] === 1))) {
    throw new DataError(`${path}: ${name}: expected labels [n] or [n, 1], got [${shape.join(', ')}]`);
  }
  const labels = new Uint16Array(data.length);
  data.forEach((value: number | bigint, i: number) => {
    if (!(value >= 0 && value < maxClasses) || !Number.isInteger(Number(value))) {
      throw new DataError(`${path}: ${name}: row ${i}: expected labels 0 to ${maxClasses - 1}`);
    }
    labels[i] = Number(value);
  });
  return labels;
}

type Values = Dataset['images'];

/** The values in planes: [n, C, H, W], or [n, C] for rows of numbers. */
function planesFirst(npy: Npy, where: string): { shape: number[]; images: Values } {
  const { shape } = npy;
  if (shape.some((size) => size === 0))
    throw new DataError(`${where}: a dimension is zero in [${shape.join(', ')}]`);
  const [n = 0, a = 0, b = 0, c = 0] = shape;
  if (shape.length === 2) return { shape: [n, a], images: floatsOf(npy, where) };
  const images = valuesOf(npy, where);
  if (shape.length === 3) return { shape: [n, 1, a, b], images };
  const axis = shape.length === 4 ? channelAxis(a, b, c) : undefined;
  if (axis === undefined) {
    throw new DataError(
      `${where}: expected [n, H, W], rows of numbers [n, C], or four axes of which the second or the last, but ` +
        `not both, can be channels (1, 3, or fewer than the others), got [${shape.join(', ')}]`,
    );
  }
  return axis === 'first'
    ? { shape: [n, a, b, c], images }
    : { shape: [n, c, a, b], images: transpose(images, n, a * b, c) };
}

/** Which of three sizes counts channels: 1 and 3 do, else the one that is smaller than the other two. */
function channelAxis(a: number, b: number, c: number): 'first' | 'last' | undefined {
  const [first, last] = [a, c].map((size) => size === 1 || size === 3);
  if (first !== last) return first ? 'first' : 'last';
  if (first) return undefined;
  if (a < b && a < c) return 'first';
  return c < a && c < b ? 'last' : undefined;
}

/**
 * Whole numbers from 0 to 255 are bytes whatever their type, if one is above 1 in an array of floats; other
 * floats are taken as they are.
 */
function valuesOf({ type, data }: Npy, where: string): Values {
  if (data instanceof Uint8Array) return data;
  const isFloat = type.startsWith('f');
  const bytes = new Uint8Array(data.length);
  let [whole, largest] = [true, 0];
  for (let i = 0; i < data.length && whole; i++) {
    const value = Number(data[i]);
    bytes[i] = value;
    whole = bytes[i] === value;
    largest = Math.max(largest, value);
  }
  if (whole && (!isFloat || largest > 1)) return bytes;
  if (isFloat) return floatsOf({ data }, where);
  throw new DataError(
    `${where}: expected whole numbers from 0 to 255 of type '${type}'; for others save (a / largest).astype('float32')`,
  );
}

function floatsOf({ data }: Pick<Npy, 'data'>, where: string): Float32Array {
  const floats = Float32Array.from(data as ArrayLike<number | bigint>, Number);
  const bad = floats.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new DataError(`${where}: value ${bad} is not a finite number`);
  return floats;
}

/** Transposes [n, places, channels] to [n, channels, places]. */
function transpose(images: Values, n: number, places: number, channels: number): Values {
  const out = sameKind(images, images.length);
  for (let image = 0; image < n; image++) {
    const base = image * places * channels;
    for (let channel = 0; channel < channels; channel++) {
      for (let i = 0; i < places; i++)
        out[base + channel * places + i] = images[base + i * channels + channel]!;
    }
  }
  return out;
}
