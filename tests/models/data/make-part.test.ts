import { expect, test } from 'vitest';
import { byteImages, loadDataset } from '../../../models/data/dataset.ts';
import { partPerClass } from '../../../models/data/make-part.ts';
import { firstOfEachClass } from '../../../models/data/splits.ts';
import { debianFashion, withoutDebianFashion } from '../../helpers/data/debian-data.ts';

test.skipIf(withoutDebianFashion !== '').each(['train', 'test'] as const)(
  `the part is the first rows of each class of the whole (%s)${withoutDebianFashion}`,
  async (split) => {
    const part = await loadDataset('fashion-mnist-part', split);
    const expected = firstOfEachClass(
      await loadDataset('fashion-mnist', split, { folder: debianFashion }),
      partPerClass[split],
    );
    expect(Buffer.compare(byteImages(part), byteImages(expected))).toBe(0);
    expect(part.labels).toEqual(expected.labels);
  },
);
