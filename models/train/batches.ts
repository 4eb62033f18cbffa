import { augmentInto, augmentationOf } from '../data/augment.ts';
import type { Dataset } from '../data/dataset.ts';
import { permutation, seededUniform } from '../data/seeded.ts';
import type { Evaluator } from '../runtime/run.ts';
import { sizeOf } from '../tensor.ts';
import type { Controller } from './controller.ts';
import type { Batch } from './engines/onnxruntime/engine.ts';
import { mixInto } from './mixup.ts';

export type BatchOptions = {
  readonly train: Dataset;
  readonly batch: number;
  readonly seed: number;
  readonly augment?: boolean;
  readonly mixup?: number;
  /** Chooses the rows of an epoch where it wants to. */
  readonly controller?: Controller;
};

/** A batch and where in the training set its images come from. */
export type NumberedBatch = { readonly rows: Uint32Array; readonly batch: Batch };

/**
 * An epoch's batches, in an order and with an augmentation that depend on the seed and the epoch alone. Images that fill no
 * whole batch are left out. The teacher sees the images as the network does.
 */
export async function* batchesOf(
  options: BatchOptions,
  epoch: number,
  teacher: Evaluator | undefined,
): AsyncGenerator<NumberedBatch> {
  const { train, batch, seed, augment = true, mixup, controller } = options;
  const uniform = seededUniform(seed, epoch);
  const order = controller?.rows?.(uniform) ?? permutation(train.n, uniform);
  for (let start = 0; start + batch <= train.n; start += batch) {
    const rows = order.subarray(start, start + batch);
    const images = new Float32Array(batch * sizeOf(train.shape));
    augmentInto(images, train, rows, augmentationOf(train.shape, augment), uniform);
    const labels = Uint8Array.from(rows, (row) => train.labels[row]!);
    const mixed = mixup === undefined ? undefined : mixInto(images, labels, mixup, uniform);
    const logits = teacher && [...(await teacher.run(images, batch)).values()][0]!;
    yield { rows, batch: { images, labels, ...(mixed && { mixed }), ...(logits && { teacher: logits }) } };
  }
}
