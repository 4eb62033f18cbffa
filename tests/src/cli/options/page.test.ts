import { expect, test } from 'vitest';
import { loadDataset } from '../../../../models/data/dataset.ts';
import { askedTogether, samplesOf } from '../../../../src/cli/options/page.ts';
import { UsageError } from '../../../../src/shared/errors.ts';

test('samples are images of different classes, and only of the size that the model takes', async () => {
  const samples = await samplesOf('fashion-mnist-part', [1, 28, 28]);
  const { classes } = await loadDataset('fashion-mnist-part', 'test');
  expect(samples.map(({ label }) => label).sort()).toEqual([...classes].sort());
  expect(samples.map(({ pixels }) => Buffer.from(pixels, 'base64').length)).toEqual(Array(10).fill(784));
  const wrong = samplesOf('fashion-mnist-part', [3, 32, 32]);
  await expect(wrong).rejects.toThrow(UsageError);
  await expect(wrong).rejects.toThrow(
    'samples fashion-mnist-part: expected images of 3 x 32 x 32, got 1 x 28 x 28',
  );
});

test('a page asks the models that take the pictures of the first', () => {
  const model = (name: string, side: number) => ({
    ...{ name, title: name, planHash: name, relus: 1 },
    shape: [3, side, side],
  });
  const asked = askedTogether([model('a', 32), model('b', 28), model('c', 32)]);
  expect(asked.map(({ name }) => name)).toEqual(['a', 'c']);
});
