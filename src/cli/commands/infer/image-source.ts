import { loadDataset, pixels } from '../../../../models/data/dataset.ts';
import { readImage } from '../../../../models/data/image.ts';
import type { Shape } from '../../../../models/tensor.ts';
import { DataError, UsageError } from '../../../shared/errors.ts';
import * as format from '../../../shared/format.ts';

export type ImageOptions = { readonly image?: string; readonly data?: string; readonly index?: number };

export type ImageSource = {
  /** The image as floats. Throws DataError if it does not have this shape. */
  readonly read: (shape: Shape) => Promise<Float32Array>;
  readonly classes?: readonly string[];
  readonly truth?: string;
};

/** The image of --image, or of --data and --index. Throws UsageError for any other combination. */
export async function imageSource({ image, data, index }: ImageOptions): Promise<ImageSource> {
  if (image !== undefined && data === undefined && index === undefined) {
    return { read: (shape) => readImage(image, shape, { resize: false }) };
  }
  if (image !== undefined || data === undefined || index === undefined) {
    throw new UsageError('give either --image, or --data and --index');
  }
  const dataset = await loadDataset(data, 'test');
  const floats = pixels(dataset, [index]);
  const read = (shape: Shape) => {
    if (shape.join() === dataset.shape.join()) return Promise.resolve(floats);
    const sizes = `expected images of ${format.shape(shape)}, got ${format.shape(dataset.shape)}`;
    return Promise.reject(new DataError(`${data}: ${sizes}`));
  };
  return { read, classes: dataset.classes, truth: dataset.classes[dataset.labels[index]!]! };
}
