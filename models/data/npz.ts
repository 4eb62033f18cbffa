import { basename } from 'node:path';
import { unzipSync } from 'fflate';
import { DataError } from '../../src/shared/errors.ts';
import { readBytes } from './disk.ts';
import { labelsOf, maxClasses, numberedClasses, subset } from './labelled-images.ts';
import type { Dataset, Split } from './labelled-images.ts';
import { parseNpy } from './npy.ts';
import type { Npy } from './npy.ts';
import { heldOut } from './splits.ts';

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
 * test set. Images are bytes [n, H, W], [n, H, W, C] or [n, C, H, W]; labels are integers [n] or [n, 1].
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
    if (value < 0 || value >= maxClasses) {
      throw new DataError(`${path}: ${name}: row ${i}: expected labels 0 to ${maxClasses - 1}`);
    }
    labels[i] = Number(value);
  });
  return labels;
}

function planesFirst({ shape, type, data }: Npy, where: string): { shape: number[]; images: Uint8Array } {
  if (type !== 'u1') {
    throw new DataError(`${where}: expected bytes ('u1') in 0 to 255, got '${type}'; save a.astype('uint8')`);
  }
  const images = data as Uint8Array;
  if (shape.some((size) => size === 0))
    throw new DataError(`${where}: a dimension is zero in [${shape.join(', ')}]`);
  const [n = 0, a = 0, b = 0, c = 0] = shape;
  if (shape.length === 3) return { shape: [n, 1, a, b], images };
  const [first, last] = [a, c].map((size) => size === 1 || size === 3);
  if (shape.length !== 4 || first === last) {
    throw new DataError(
      `${where}: expected [n, H, W], or four axes with 1 or 3 channels as the second or the last, ` +
        `got [${shape.join(', ')}]`,
    );
  }
  return first
    ? { shape: [n, a, b, c], images }
    : { shape: [n, c, a, b], images: transpose(images, n, a * b, c) };
}

/** Transposes [n, places, channels] to [n, channels, places]. */
function transpose(images: Uint8Array, n: number, places: number, channels: number): Uint8Array {
  const out = new Uint8Array(images.length);
  for (let image = 0; image < n; image++) {
    const base = image * places * channels;
    for (let channel = 0; channel < channels; channel++) {
      for (let i = 0; i < places; i++)
        out[base + channel * places + i] = images[base + i * channels + channel]!;
    }
  }
  return out;
}
