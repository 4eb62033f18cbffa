import { augmentInto, augmentationOf } from '../../../models/data/augment.ts';
import { permutation, seededUniform } from '../../../models/data/seeded.ts';
import { sessionSetting } from '../../../models/runtime/device.ts';
import type { SessionSetting } from '../../../models/runtime/device.ts';
import type { Model } from '../../../models/graph.ts';
import { predict } from '../../../models/runtime/run.ts';
import type { TaughtImages } from '../../../models/train/activation-gradients.ts';
import { sizeOf } from '../../../models/tensor.ts';
import type { Sample } from './moments.ts';
import type { ReductionData } from '../reduction.ts';

/** The number of training images on which distributions and costs are measured. */
export const sampleImages = 512;

export type SampleOptions = SessionSetting & Pick<ReductionData, 'train' | 'seed' | 'augment'>;

/** A sample with the class of each image. */
export type LabelledSample = Sample & { readonly labels: Uint32Array };

/**
 * Draws training images, cropped and mirrored if training does that, because polynomials go astray on inputs
 * that they were not fitted to. A resnet20 with two of its three stages replaced starts fine-tuning with a
 * loss of 15, and with 168 if the sample has plain images.
 */
export function trainingSample({ train, seed, augment = true, ...setting }: SampleOptions): LabelledSample {
  const uniform = seededUniform(seed, 1);
  const rows = permutation(train.n, uniform).slice(0, sampleImages);
  const images = new Float32Array(rows.length * sizeOf(train.shape));
  augmentInto(images, train, rows, augmentationOf(train.shape, augment), uniform);
  const labels = Uint32Array.from(rows, (row) => train.labels[row]!);
  return { images, n: rows.length, labels, ...sessionSetting(setting) };
}

/** A sample's images with their classes and the logits that a network gives them. */
export async function taughtBy(
  teacher: Model,
  { images, n, labels, ...setting }: LabelledSample,
): Promise<TaughtImages> {
  return { images, labels, teacher: await predict(teacher, images, n, sessionSetting(setting)) };
}
