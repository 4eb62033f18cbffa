import { join } from 'node:path';
import { normals } from '../../../models/architectures/init.ts';
import { byteImages, loadDataset } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import { encodeIdx } from '../../../models/data/images/idx.ts';
import { seededUniform, uniformInt } from '../../../models/data/seeded.ts';
import type { Model } from '../../../models/graph.ts';
import { sizeOf } from '../../../models/tensor.ts';
import { writeFileAtomic } from '../../../src/shared/files.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { seededRng } from '../rng.ts';

/**
 * Three classes of 2 x 8 x 8 images, each a seeded pattern with noise. A small network learns them in
 * seconds.
 */
export function tinyDataset(n: number, seed: string): Dataset {
  const classes = ['a', 'b', 'c'];
  const patterns = classes.map((name) => normals(128, seededRng(name)));
  const noise = normals(n * 128, seededRng(seed));
  const labels = Uint8Array.from({ length: n }, (_, i) => i % 3);
  const images = Uint8Array.from(noise, (v, i) => {
    const value = 128 + 30 * patterns[labels[Math.floor(i / 128)]!]![i % 128]! + 30 * v;
    return Math.max(0, Math.min(255, value));
  });
  return { name: 'tiny', classes, shape: [2, 8, 8], images, labels, n };
}

/**
 * Images of 1 x 8 x 8: noise with a bright bar that stands, lies or is missing. The bar tells the class, the
 * brightness alone does not.
 */
export function bars(n: number, seed: number): Dataset {
  const uniform = seededUniform(seed);
  const images = Uint8Array.from({ length: 64 * n }, () => uniformInt(uniform, 100));
  const labels = Uint8Array.from({ length: n }, (_, i) => i % 3);
  labels.forEach((label, i) => {
    const at = 1 + uniformInt(uniform, 6);
    for (let k = 0; label < 2 && k < 8; k++) images[64 * i + (label === 0 ? 8 * k + at : 8 * at + k)] = 220;
  });
  return { name: 'bars', classes: ['standing', 'lying', 'none'], shape: [1, 8, 8], images, labels, n };
}

/** The same images in two classes: a bar, and none. A third has none. */
export function barsOrNone(n: number, seed: number): Dataset {
  const three = bars(n, seed);
  const labels = Uint8Array.from(three.labels, (label) => (label === 2 ? 1 : 0));
  return { ...three, classes: ['bar', 'none'], labels };
}

/** `n` images of the model's input shape with standard normal pixels. */
export function randomImages(model: Model, n: number, rng: Rng): Float32Array<ArrayBuffer> {
  return normals(n * sizeOf(model.graph.inputs[0]!.shape), rng) as Float32Array<ArrayBuffer>;
}

/**
 * Writes the first test images of fashion-mnist-part as a data set of their own, and returns what --data
 * takes.
 */
export async function writeSmallData(folder: string, count: number): Promise<string> {
  const data = await loadDataset('fashion-mnist-part', 'test');
  const [images, labels] = [byteImages(data), Uint8Array.from(data.labels)];
  const files = [join(folder, `images-${count}.idx`), join(folder, `labels-${count}.idx`)] as const;
  await writeFileAtomic(
    files[0],
    encodeIdx({ shape: [count, 28, 28], data: images.subarray(0, count * 784) }),
  );
  await writeFileAtomic(files[1], encodeIdx({ shape: [count], data: labels.subarray(0, count) }));
  return `idx:${files.join(',')}`;
}
