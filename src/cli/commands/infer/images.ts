import { existsSync } from 'node:fs';
import sharp from 'sharp';
import type { Shape } from '../../../../models/tensor.ts';
import { DataError } from '../../../shared/errors.ts';

/**
 * Pixels of a PNG or JPEG file as floats in [0, 1], [C, H, W] row-major, as the model was trained on. A colour image is made
 * grey for a model of one channel, a grey one is repeated for three. The size must fit exactly: a silent resize would be
 * another image. Throws DataError with both sizes.
 */
export async function readImage(file: string, shape: Shape): Promise<Float32Array> {
  const [channels = 0, height = 0, width = 0] = shape;
  if (shape.length !== 3 || (channels !== 1 && channels !== 3)) {
    throw new DataError(`${file}: the model takes ${shape.join(' x ')}, which is not the shape of an image`);
  }
  if (!existsSync(file)) throw new DataError(`${file}: no such image file`);
  const { data, info } = await decode(file, channels);
  if (info.width !== width || info.height !== height) {
    throw new DataError(
      `${file}: expected an image of ${width} x ${height} pixels (width x height), got ${info.width} x ${info.height}; ` +
        'resize it first',
    );
  }
  return planar(data, channels, height * width);
}

async function decode(file: string, channels: 1 | 3) {
  try {
    return await sharp(file)
      .removeAlpha()
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
  } catch (error) {
    throw new DataError(`${file}: not an image that can be read: ${(error as Error).message}`);
  }
}

/** Interleaved bytes to planes of floats. */
function planar(interleaved: Uint8Array, channels: number, size: number): Float32Array {
  const planes = new Float32Array(channels * size);
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < size; i++) planes[channel * size + i] = interleaved[i * channels + channel]! / 255;
  }
  return planes;
}
