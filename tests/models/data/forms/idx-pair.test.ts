import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { byteImages, loadDataset } from '../../../../models/data/dataset.ts';
import { encodeIdx } from '../../../../models/data/images/idx.ts';
import { DataError } from '../../../../src/shared/errors.ts';
import { folderWith } from '../../../helpers/data/image-files.ts';
import { debianFashion, withoutDebianFashion } from '../../../helpers/data/debian-data.ts';

const images = encodeIdx({ shape: [2, 1, 2], data: Uint8Array.of(1, 2, 3, 4) });
const labels = encodeIdx({ shape: [2], data: Uint8Array.of(3, 0) });

test('the four files, gzip, plain, or with a dot in the name', async () => {
  const folder = await folderWith({
    'train-images-idx3-ubyte.gz': gzipSync(images),
    'train-labels-idx1-ubyte': labels,
    't10k-images.idx3-ubyte': images,
    't10k-labels.idx1-ubyte': labels,
  });
  for (const split of ['train', 'test'] as const) {
    const data = await loadDataset(`mnist:${folder}`, split);
    expect(data).toMatchObject({ n: 2, shape: [1, 1, 2], classes: ['0', '1', '2', '3'] });
    expect([...data.images]).toEqual([1, 2, 3, 4]);
  }
});

test('a file that is absent is a DataError with the names it may have', async () => {
  const load = loadDataset(`mnist:${await folderWith({ 'train-images-idx3-ubyte': images })}`, 'train');
  await expect(load).rejects.toThrow(DataError);
  await expect(load).rejects.toThrow(/train-labels-idx1-ubyte\.gz or .* or train-labels\.idx1-ubyte$/);
});

test.skipIf(withoutDebianFashion !== '')(
  `the files that Debian ships are read${withoutDebianFashion}`,
  async () => {
    const [byFolder, byName] = [`mnist:${debianFashion}`, 'fashion-mnist'].map((spec) =>
      loadDataset(spec, 'test'),
    );
    const [found, expected] = [await byFolder!, await byName!];
    expect(found).toMatchObject({ n: 10_000, shape: [1, 28, 28] });
    expect(Buffer.compare(byteImages(found), byteImages(expected))).toBe(0);
    expect(found.labels).toEqual(expected.labels);
  },
);
