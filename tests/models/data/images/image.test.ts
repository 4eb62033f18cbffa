import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readImage } from '../../../../models/data/images/image.ts';
import { readImages } from '../../../../models/data/images/image-files.ts';
import { normalise } from '../../../../models/preprocessing.ts';
import { DataError, UsageError } from '../../../../src/shared/errors.ts';
import { folderWith, rawPng } from '../../../helpers/data/image-files.ts';

const bytes = Uint8Array.from({ length: 18 }, (_, i) => 14 * i);

async function colourFile(): Promise<string> {
  return join(await folderWith({ 'a.png': await rawPng(bytes, 3, 2, 3) }), 'a.png');
}

test('a picture becomes planes of floats in [0, 1]', async () => {
  const planes = [0, 1, 2].flatMap((c) => [0, 1, 2, 3, 4, 5].map((i) => bytes[3 * i + c]! / 255));
  expect(await readImage(await colourFile(), [3, 2, 3])).toEqual(Float32Array.from(planes));
});

test('a picture of another size is what a data set of that size has', async () => {
  const file = await colourFile();
  const target = { channels: 1, size: { height: 2, width: 2 } } as const;
  const { images } = await readImages([file], target, { cache: join(file, '..') });
  expect(await readImage(file, [1, 2, 2])).toEqual(Float32Array.from(images, (byte) => byte / 255));
  await expect(readImage(file, [3, 2, 2], { resize: false })).rejects.toThrow(
    /a\.png: expected an image of 2 x 2 pixels \(width x height\), got 3 x 2/,
  );
});

test('mean and standard deviation are of each channel, or one for all', async () => {
  const file = await colourFile();
  const plain = await readImage(file, [3, 2, 3]);
  const [mean, std] = [
    [0.5, 0.25, 0.125],
    [0.5, 2, 4],
  ];
  const expected = plain.map((x, i) => (x - mean[Math.floor(i / 6)]!) / std[Math.floor(i / 6)]!);
  expect(await readImage(file, [3, 2, 3], { mean, std })).toEqual(expected);
  const two = Float32Array.of(...plain, ...plain);
  expect(normalise(two, [3, 2, 3], { mean, std })).toEqual(Float32Array.of(...expected, ...expected));
  expect(normalise(plain, [3, 2, 3], { mean: 0.5, std: 2 })).toEqual(plain.map((x) => (x - 0.5) / 2));
});

test('normalisation of another number of channels or by 0 is a UsageError', () => {
  const images = new Float32Array(12);
  const wrong = [
    { mean: [0, 0], std: 1 },
    { mean: 0, std: [1, 2, NaN] },
    { mean: 0, std: 0 },
  ];
  for (const normalisation of wrong)
    expect(() => normalise(images, [3, 2, 2], normalisation)).toThrow(UsageError);
});

test('a shape that is not that of an image is a DataError', async () => {
  const file = await colourFile();
  await expect(readImage(file, [10])).rejects.toThrow(DataError);
  await expect(readImage(file, [4, 2, 2])).rejects.toThrow(/the model takes 4 x 2 x 2/);
});
