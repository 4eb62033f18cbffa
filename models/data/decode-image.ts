import { stat } from 'node:fs/promises';
import { DataError } from '../../src/shared/errors.ts';

export type ImageSize = { readonly height: number; readonly width: number };

/** The bytes of one image, [C, H, W]. */
export type DecodedImage = ImageSize & { readonly planes: Uint8Array };

/**
 * Loads sharp only when images are decoded, because it takes 0.1 s that other commands should not wait for.
 */
const loadSharp = async () => (await import('sharp')).default;

/** The size of an image in pixels. Throws DataError that names the file. */
export async function imageSize(file: string): Promise<ImageSize> {
  await checkPresent(file);
  try {
    return await (await loadSharp())(file).metadata();
  } catch (error) {
    throw unreadable(file, error);
  }
}

/**
 * Decodes an image file to grey (1 channel) or colour (3). With a size, the image is scaled to cover it and
 * cropped at the centre. Throws DataError that names the file.
 */
export async function decodeImage(file: string, channels: number, size?: ImageSize): Promise<DecodedImage> {
  await checkPresent(file);
  const sharp = await loadSharp();
  try {
    const image = sharp(file)
      .removeAlpha()
      .toColourspace(channels === 1 ? 'b-w' : 'srgb');
    const { data, info } = await (size === undefined ? image : image.resize({ ...size, fit: 'cover' }))
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== channels) throw new Error(`${info.channels} channels instead of ${channels}`);
    return { height: info.height, width: info.width, planes: planesOf(data, channels) };
  } catch (error) {
    throw unreadable(file, error);
  }
}

function planesOf(interleaved: Uint8Array, channels: number): Uint8Array {
  const planes = new Uint8Array(interleaved.length);
  const plane = interleaved.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < plane; i++) planes[channel * plane + i] = interleaved[i * channels + channel]!;
  }
  return planes;
}

async function checkPresent(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw new DataError(`${file}: no such image file`);
}

function unreadable(file: string, error: unknown): DataError {
  const [reason] = (error as Error).message.split('\n');
  return new DataError(`${file}: the image cannot be decoded (${reason})`);
}
