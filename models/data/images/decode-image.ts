import { stat } from 'node:fs/promises';
import type { Metadata, Sharp } from 'sharp';
import { DataError } from '../../../src/shared/errors.ts';

export type ImageSize = { readonly height: number; readonly width: number };

/** The bytes of one image, [C, H, W]. */
export type DecodedImage = ImageSize & { readonly planes: Uint8Array };

/**
 * Loads sharp only when images are decoded, because it takes 0.1 s that other commands should not wait for.
 */
const loadSharp = async () => (await import('sharp')).default;

/** What an image is made into. */
export type ImageForm = {
  /** 1 is grey, 3 colour. */
  readonly channels: number;
  /** The size to which the centre is cropped (default: all of the image, as it is). */
  readonly size?: ImageSize;
  /**
   * The length to which the shorter side is scaled before (default: the smallest at which the image covers
   * the size).
   */
  readonly resize?: number;
};

/**
 * The size of an image in pixels, after the turn that its EXIF data asks for. Throws DataError that names the
 * file.
 */
export async function imageSize(file: string): Promise<ImageSize> {
  await checkPresent(file);
  try {
    return (await metadataOf(file)).autoOrient;
  } catch (error) {
    throw unreadable(file, error);
  }
}

/**
 * Decodes an image file to sRGB or grey in bytes: turned as its EXIF data says, other colours through their
 * profile, transparent parts white. Throws DataError that names the file, also for samples of floats, whose
 * white no file says.
 */
export async function decodeImage(file: string, form: ImageForm): Promise<DecodedImage> {
  await checkPresent(file);
  const { channels } = form;
  try {
    const whole = (await loadSharp())(file).autoOrient().flatten({ background: '#fff' });
    const { depth, autoOrient } = await metadataOf(file);
    if (depth !== 'uchar' && depth !== 'ushort')
      throw new Error(`its samples are of type ${depth}; save it with 8 or 16 bits a sample`);
    const { data, info } = await scaled(whole, autoOrient, form)
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== channels) throw new Error(`${info.channels} channels instead of ${channels}`);
    return { height: info.height, width: info.width, planes: planesOf(data, channels) };
  } catch (error) {
    throw unreadable(file, error);
  }
}

async function metadataOf(file: string): Promise<Metadata> {
  return (await loadSharp())(file).metadata();
}

function scaled(image: Sharp, whole: ImageSize, { size, resize }: ImageForm): Sharp {
  if (size === undefined) return image;
  if (resize === undefined) return image.resize({ ...size, fit: 'cover' });
  const factor = resize / Math.min(whole.height, whole.width);
  const [height, width] = [Math.round(whole.height * factor), Math.round(whole.width * factor)];
  if (height < size.height || width < size.width)
    throw new Error(`a shorter side of ${resize} does not cover ${size.width} x ${size.height}`);
  // As torchvision's CenterCrop rounds.
  const [top, left] = [Math.round((height - size.height) / 2), Math.round((width - size.width) / 2)];
  return image.resize({ height, width, fit: 'fill' }).extract({ top, left, ...size });
}

function planesOf(interleaved: Uint8Array, channels: number): Uint8Array {
  const planes = new Uint8Array(interleaved.length);
  const plane = interleaved.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < plane; i++) planes[channel * plane + i] = interleaved[i * channels + channel]!;
  }
  return planes;
}

/** Throws DataError for a file that is not there. */
export async function checkPresent(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw new DataError(`${file}: no such image file`);
}

function unreadable(file: string, error: unknown): DataError {
  const [reason] = (error as Error).message.split('\n');
  return new DataError(`${file}: the image cannot be decoded (${reason})`);
}
