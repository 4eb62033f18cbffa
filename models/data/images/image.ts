import { defined } from '../../../src/shared/defined.ts';
import { DataError } from '../../../src/shared/errors.ts';
import type { Shape } from '../../tensor.ts';
import { decodeImage } from './decode-image.ts';
import { normalise } from '../../preprocessing.ts';
import type { Normalisation } from '../../preprocessing.ts';

export type ReadImageOptions = Partial<Normalisation> & {
  /**
   * Whether to scale an image of another size to cover the model's and crop it at the centre, like a data set
   * that is read with a size such as 'folder:images@32' (default: true). If false, another size is a
   * DataError.
   */
  readonly resize?: boolean;
  /**
   * The length to which the picture's shorter side is scaled before that crop: `plan.preprocessing?.resize`
   * (default: the smallest at which the picture covers the model's size).
   */
  readonly shorterSide?: number;
};

/**
 * Reads a PNG, JPEG, WebP, GIF or TIFF file as the input of a model: [C, H, W] floats in row-major order, in
 * [0, 1] or normalised by `mean` and `std` (default: 0 and 1). A colour image is made grey for a model of one
 * channel; a grey one is repeated for three. Throws DataError for a file that cannot be read, and for a shape
 * that is not an image's.
 */
export async function readImage(
  file: string,
  shape: Shape,
  { resize = true, shorterSide, mean = 0, std = 1 }: ReadImageOptions = {},
): Promise<Float32Array> {
  const [channels = 0, height = 0, width = 0] = shape;
  if (shape.length !== 3 || (channels !== 1 && channels !== 3)) {
    throw new DataError(`${file}: the model takes ${shape.join(' x ')}, which is not the shape of an image`);
  }
  const form = resize ? defined({ size: { height, width }, resize: shorterSide }) : {};
  const found = await decodeImage(file, { channels, ...form });
  if (found.width !== width || found.height !== height) {
    throw new DataError(
      `${file}: expected an image of ${width} x ${height} pixels (width x height), ` +
        `got ${found.width} x ${found.height}; resize it first`,
    );
  }
  return normalise(
    new Float32Array(found.planes).map((byte) => byte / 255),
    shape,
    { mean, std },
  );
}
