import { stat } from 'node:fs/promises';
import { DataError } from '../../src/shared/errors.ts';

export type ImageSize = { readonly height: number; readonly width: number };

/** Bytes of one image, C x H x W. */
export type DecodedImage = ImageSize & { readonly planes: Uint8Array };

/** Loaded where images are decoded: 0.1 s that other commands need not wait. */
const loadSharp = async () => (await import('sharp')).default;

/** Throws DataError that names the file. */
export async function imageSize(file: string): Promise<ImageSize> {
  await checkPresent(file);
  try {
    return await (await loadSharp())(file).metadata();
  } catch (error) {
    throw unreadable(file, error);
  }
}

/**
 * An image file as grey (1 channel) or colour (3); with a size it is scaled to cover it and cropped at the centre. Throws DataError that
 * names the file.
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
    if (info.channels !== channels) throw new Error(`${info.channels} channels in place of ${channels}`);
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
  return new DataError(`${file}: not an image that can be read (${reason})`);
}
