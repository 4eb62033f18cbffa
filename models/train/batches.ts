import { defined } from '../../src/shared/defined.ts';
import { augmentInto, augmentationOf } from '../data/augment.ts';
import type { Dataset } from '../data/dataset.ts';
import { labelsOf } from '../data/labelled-images.ts';
import type { Labels } from '../data/labelled-images.ts';
import { permutation, seededUniform } from '../data/seeded.ts';
import { sizeOf } from '../tensor.ts';
import type { Controller } from './controller.ts';
import type { Batch } from './engines/onnxruntime/engine.ts';
import type { Uniform } from '../data/seeded.ts';

export type BatchOptions = {
  readonly train: Dataset;
  readonly batch: number;
  /** The seed of shuffles and augmentation. */
  readonly seed: number;
  /** Whether to crop and mirror images at random (default: true). */
  readonly augment?: boolean;
  /** Mixes images in pairs, with shares from Beta(mixup, mixup); a number in (0, 1] (default: no mixing). */
  readonly mixup?: number;
  /** If it has `rows`, it chooses the rows of an epoch. */
  readonly controller?: Controller;
};

/** A batch, with the numbers of its images in the training set. */
export type NumberedBatch = { readonly rows: Uint32Array; readonly batch: Batch };

/** What the teacher says of some images. */
export type Teacher = (images: Float32Array, n: number) => Promise<Pick<Batch, 'teacher' | 'teacherMaps'>>;

/**
 * The batches of an epoch. Their order and augmentation depend only on the seed and the epoch. Images that do
 * not fill a whole batch are left out. The teacher sees the same augmented images as the network.
 */
export async function* batchesOf(
  options: BatchOptions,
  epoch: number,
  teacher: Teacher | undefined,
): AsyncGenerator<NumberedBatch> {
  const { train, batch, seed, augment = true, mixup, controller } = options;
  const uniform = seededUniform(seed, epoch);
  const order = controller?.rows?.(uniform) ?? permutation(train.n, uniform);
  for (let start = 0; start + batch <= train.n; start += batch) {
    const rows = order.subarray(start, start + batch);
    const images = new Float32Array(batch * sizeOf(train.shape));
    augmentInto(images, train, rows, augmentationOf(train.shape, augment), uniform);
    const labels = labelsOf(train.classes.length, rows, (row) => train.labels[row]!);
    const mixed = mixup === undefined ? undefined : mixInto(images, labels, mixup, uniform);
    const taught = await teacher?.(images, batch);
    yield { rows, batch: { images, labels, ...defined({ mixed }), ...taught } };
  }
}

export type Mixture = {
  /** The label of each image's partner. */
  readonly partners: Labels;
  /** The share of each image's own pixels, in [0, 1]. */
  readonly share: number;
};

/**
 * mixup (Zhang et al. 2018, algorithm 1): replaces each image of a batch by share * itself + (1 - share) *
 * another image of the batch, with one share per batch from Beta(alpha, alpha). It changes `images`
 * [labels.length, ...] in place.
 */
export function mixInto(images: Float32Array, labels: Labels, alpha: number, uniform: Uniform): Mixture {
  const share = symmetricBeta(alpha, uniform);
  const order = permutation(labels.length, uniform);
  const size = images.length / labels.length;
  const before = images.slice();
  order.forEach((partner, i) => {
    for (let p = 0; p < size; p++) {
      const own = before[i * size + p]!;
      images[i * size + p] = own * share + before[partner * size + p]! * (1 - share);
    }
  });
  return { partners: labels.map((_, i) => labels[order[i]!]!), share };
}

/**
 * A draw from Beta(alpha, alpha) for alpha in (0, 1] (Jöhnk 1964). At alpha 1, half of the pairs of numbers
 * are rejected.
 */
export function symmetricBeta(alpha: number, uniform: Uniform): number {
  for (;;) {
    const [x, y] = [uniform() ** (1 / alpha), uniform() ** (1 / alpha)];
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
}
