import { loadDataset, pixels } from '../../../../models/data/dataset.ts';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { checkPresent } from '../../../../models/data/images/decode-image.ts';
import { readImage } from '../../../../models/data/images/image.ts';
import { resizing } from '../../../../models/data/images/image-target.ts';
import type { Preprocessing } from '../../../../models/preprocessing.ts';
import type { Shape } from '../../../../models/tensor.ts';
import { defined } from '../../../shared/defined.ts';
import { DataError, UsageError } from '../../../shared/errors.ts';
import * as format from '../../../shared/format.ts';

export type ImageOptions = {
  readonly image?: string;
  /** Whether a picture of another size is refused (default: it is scaled and cropped). */
  readonly exact?: boolean;
  readonly data?: string;
  readonly index?: number;
};

export type ImageSource = {
  /** The pixels for an input of this shape, in [0, 1]. Throws DataError if they do not fit. */
  readonly read: (shape: Shape, preprocessing: Preprocessing | undefined) => Promise<Float32Array>;
  readonly classes?: readonly string[];
  readonly truth?: string;
};

/**
 * The image of --image, or of --data and --index. Throws UsageError for any other combination, and DataError,
 * before there is a session, for a file that is not there.
 */
export async function imageSource({ image, exact = false, data, index }: ImageOptions): Promise<ImageSource> {
  if (exact && image === undefined) throw new UsageError('--exact goes with --image');
  if (image !== undefined && data === undefined && index === undefined) {
    await checkPresent(image);
    return {
      read: (shape, preprocessing) =>
        readImage(image, shape, { resize: !exact, ...defined({ shorterSide: preprocessing?.resize }) }),
    };
  }
  if (image !== undefined || data === undefined || index === undefined) {
    throw new UsageError('give either --image, or --data and --index');
  }
  const dataset = await loadDataset(data, 'test');
  const truth = dataset.classes[dataset.labels[checked(dataset, index)]!]!;
  const read: ImageSource['read'] = async (shape, preprocessing) => {
    const resize = preprocessing?.resize;
    const own = resize === undefined ? dataset : await loadDataset(data, 'test', { resize });
    if (shape.join() === own.shape.join()) return pixels(own, [index]);
    const sizes = `expected images of ${format.shape(shape)}, got ${format.shape(own.shape)}`;
    throw new DataError(`${data}: ${sizes}${resizing(shape)}`);
  };
  return { read, classes: dataset.classes, truth };
}

/** Throws DataError for an index that the data set does not have. */
function checked(dataset: Dataset, index: number): number {
  pixels(dataset, [index]);
  return index;
}
