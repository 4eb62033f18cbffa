import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { decodeImage, imageSize } from '../../../../models/data/images/decode-image.ts';
import type { ImageForm } from '../../../../models/data/images/decode-image.ts';
import { DataError } from '../../../../src/shared/errors.ts';
import { floatTiff, folderWith, rawPng } from '../../../helpers/data/image-files.ts';

const colour = [200, 50, 30] as const;
const [width, height] = [4, 2] as const;
const plain = Uint8Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3]!);
const raw = { raw: { width, height, channels: 3 } } as const;

/** The planes of an image file, and its size. */
async function decoded(bytes: Uint8Array, form: ImageForm = { channels: 3 }) {
  const file = join(await folderWith({ 'a.img': bytes }), 'a.img');
  const { planes, ...size } = await decodeImage(file, form);
  return { planes: [...planes], size, before: await imageSize(file) };
}

/** The first pixel. */
async function pixelOf(bytes: Uint8Array): Promise<number[]> {
  const { planes, size } = await decoded(bytes);
  const plane = size.width * size.height;
  return [0, 1, 2].map((channel) => planes[channel * plane]!);
}

test('the turn of EXIF is applied', async () => {
  // The left half black, the right half white; orientation 6 is turned clockwise, so that black is above.
  const halves = Uint8Array.from({ length: 24 }, (_, i) => (Math.floor(i / 3) % 4 < 2 ? 0 : 255));
  const png = await sharp(halves, raw).withMetadata({ orientation: 6 }).png().toBuffer();
  const { planes, size, before } = await decoded(png, { channels: 1 });
  expect(size).toEqual({ width: 2, height: 4 });
  expect(before).toEqual({ width: 2, height: 4 });
  expect(planes).toEqual([0, 0, 0, 0, 255, 255, 255, 255]);
});

test('CMYK becomes sRGB through its profile', async () => {
  const jpeg = await sharp(plain, raw).withIccProfile('cmyk').jpeg({ quality: 100 }).toBuffer();
  expect((await sharp(jpeg).metadata()).space).toBe('cmyk');
  const found = await pixelOf(jpeg);
  colour.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThan(25));
});

test('16 bits a sample become 8', async () => {
  const wide = await sharp(plain, raw).toColourspace('rgb16').png().toBuffer();
  expect((await sharp(wide).metadata()).depth).toBe('ushort');
  expect(await pixelOf(wide)).toEqual(colour);
});

test.each([
  ['transparent', 0, [255, 255, 255]],
  ['opaque', 255, [200, 50, 30]],
  ['half transparent', 127, [228, 153, 143]],
])('%s parts lie over white', async (_title, alpha, expected) => {
  const rgba = Uint8Array.from({ length: 32 }, (_, i) => [...colour, alpha][i % 4]!);
  const png = await sharp(rgba, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer();
  const found = await pixelOf(png);
  expected.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(1));
});

test('a TIFF of floats is refused: no file says what white is', async () => {
  const found = decoded(floatTiff(2, 2, [0, 0.25, 0.5, 1]), { channels: 1 });
  await expect(found).rejects.toThrow(DataError);
  await expect(found).rejects.toThrow(/a\.img: .*its samples are of type float; save it with 8 or 16 bits/);
});

test('scaled to a shorter side, then cropped at the centre, as torchvision does', async () => {
  // 8 x 4: columns 0 to 7, each of its own grey. Shorter side 4: no scaling; the crop 2 x 2 has columns 3, 4.
  const grey = Uint8Array.from({ length: 32 }, (_, i) => 30 * (i % 8));
  const png = await rawPng(grey, 8, 4, 1);
  const size = { height: 2, width: 2 };
  expect((await decoded(png, { channels: 1, size, resize: 4 })).planes).toEqual([90, 120, 90, 120]);
  const covered = (await decoded(png, { channels: 1, size })).planes;
  expect(covered).not.toEqual([90, 120, 90, 120]);
  await expect(decoded(png, { channels: 1, size, resize: 1 })).rejects.toThrow(
    /a shorter side of 1 does not cover 2 x 2/,
  );
});
