import { defined } from '../../../src/shared/defined.ts';
import { DataError } from '../../../src/shared/errors.ts';
import type { LoadOptions } from '../labelled-images.ts';

/** The form that images are decoded to: grey (1) or colour (3), and a size (default: the first image's). */
export type ImageTarget = {
  readonly channels: 1 | 3;
  readonly size?: { readonly height: number; readonly width: number };
  /** See `ImageForm`. */
  readonly resize?: number;
};

export const targetHelp =
  '@SIZE resizes the images: @64, @48x64, or @1x28x28 for grey (default: size of the first image, in colour)';

/** What resizes a folder's images to `shape`, for the end of an error; '' if they are no pictures of it. */
export function resizing(shape: readonly number[]): string {
  const [channels, height, width] = shape;
  if (shape.length !== 3 || (channels !== 1 && channels !== 3)) return '';
  const size = `${height}x${width}`;
  return `; forms with @SIZE resize them: @${channels === 1 ? `1x${size}` : size}`;
}

/**
 * Splits 'PATH@SIZE', 'PATH@HEIGHTxWIDTH' or 'PATH@CHANNELSxHEIGHTxWIDTH' (default: colour). Throws DataError
 * for other channels or sizes.
 */
export function parseTarget(
  argument: string,
  { resize }: LoadOptions = {},
): { path: string; target: ImageTarget } {
  const match = /^(.+)@(\d+(?:x\d+){0,2})$/.exec(argument);
  if (match === null) return { path: argument, target: { channels: 3 } };
  const numbers = match[2]!.split('x').map(Number);
  const channels = numbers.length === 3 ? numbers[0] : 3;
  const [height = 0, width = height] = numbers.slice(-2);
  if ((channels !== 1 && channels !== 3) || [height, width].some((size) => size < 1 || size > 4096)) {
    throw new DataError(
      `'@${match[2]}': expected 1 or 3 channels and sizes of 1 to 4096 pixels, e.g. @64 or @1x28x28`,
    );
  }
  return { path: match[1]!, target: defined({ channels, size: { height, width }, resize }) };
}
