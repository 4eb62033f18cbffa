import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDataset, pixels } from '../../../../models/data/dataset.ts';
import type { Split } from '../../../../models/data/dataset.ts';
import { DataError } from '../../../../src/shared/errors.ts';
import { folderWith } from '../../../helpers/data/image-files.ts';

async function load(text: string, split: Split) {
  return loadDataset(`table:${join(await folderWith({ 'a.csv': text }), 'a.csv')}`, split);
}

test('columns in their order are the inputs; label and split are none', async () => {
  const text = 'age,label,split,height\n10,no,train,-1.5\n20,yes,test,2e3\n30,yes,train,0\n';
  const train = await load(text, 'train');
  expect(train).toMatchObject({ n: 2, shape: [2], classes: ['no', 'yes'], classOrder: 'names' });
  expect(pixels(train)).toEqual(Float32Array.of(10, -1.5, 30, 0));
  expect([...train.labels]).toEqual([0, 1]);
  expect(pixels(await load(text, 'test'))).toEqual(Float32Array.of(20, 2000));
});

test('without a split, a fifth of each class is for testing', async () => {
  const rows = Array.from({ length: 50 }, (_, i) => `${i},${i % 2}`);
  const text = `x,label\n${rows.join('\n')}`;
  const [train, test] = [await load(text, 'train'), await load(text, 'test')];
  expect([train.n, test.n]).toEqual([40, 10]);
  expect([...pixels(train), ...pixels(test)].sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
});

test.each([
  ['a word', 'x,label\n1,0\ntwo,1\n', /a\.csv: line 3: x: expected a number, got 'two'/],
  ['an empty cell', 'x,label\n,0\n', /line 2: x: expected a number, got ''/],
  ['no label', 'x,y\n1,0\n', /expected a column 'label' and columns of numbers, got x, y/],
  ['only labels', 'label\n1\n', /expected a column 'label' and columns of numbers/],
  ['another split', 'x,label,split\n1,0,validation\n', /line 2: expected 'train' or 'test'/],
  ['no rows', 'x,label\n', /found only the header/],
  ['no test rows', 'x,label,split\n1,0,train\n', /it has no test rows/],
])('%s is a DataError', async (_title, text, reason) => {
  const found = load(text, 'test');
  await expect(found).rejects.toThrow(DataError);
  await expect(found).rejects.toThrow(reason);
});
