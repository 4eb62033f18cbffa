import { expect, test } from 'vitest';
import { parseCsv } from '../../../../models/data/forms/csv.ts';
import { loadDataset, subset } from '../../../../models/data/dataset.ts';
import type { Split } from '../../../../models/data/dataset.ts';
import { DataError } from '../../../../src/shared/errors.ts';
import { folderWith, plainPng } from '../../../helpers/data/image-files.ts';

const png = (value: number) => plainPng([value], { width: 2, height: 2 });
const images = { 'i/a.png': await png(1), 'i/b,2.png': await png(2), 'i/c.png': await png(3) };

async function load(csv: string, split: Split) {
  const folder = await folderWith({ ...images, 'list.csv': csv });
  return loadDataset(`csv:${folder}/list.csv`, split, { cache: `${folder}/cache` });
}

test('fields as RFC 4180 has them', () => {
  const text = '\uFEFFa,b\r\n1,"x, ""y""\nz"\r\n\r\n,\n"",last';
  expect(parseCsv(text, 't')).toEqual({
    columns: ['a', 'b'],
    rows: [
      ['1', 'x, "y"\nz'],
      ['', ''],
      ['', 'last'],
    ],
    lines: [2, 5, 6],
  });
});

test.each([
  ['', /expected a header line/],
  ['a,b\n1\n', /t: line 2: expected 2 fields, got 1/],
  ['a,b\n1,2\n\n1,2,3\n', /t: line 4: expected 2 fields, got 3/],
  ['a,b\n1,"2\n', /t: line 2: a quote is not closed/],
  ['a,b\n1,2"2\n', /t: line 2: a quote is not closed, or is inside/],
  ['a,b\n"1"x,2\n', /t: line 2: a quote/],
])('%o is refused with its line', (text, reason) => {
  expect(() => parseCsv(text, 't')).toThrow(DataError);
  expect(() => parseCsv(text, 't')).toThrow(reason);
});

test('paths from the CSV folder, split by its column, further columns as groups', async () => {
  const csv =
    'label,path,split,race,site\ndog,i/c.png,train,w,1\ncat,i/a.png,test,b,2\ncat,"i/b,2.png",train,b,1\n';
  const train = await load(csv, 'train');
  expect(train).toMatchObject({
    classes: ['cat', 'dog'],
    n: 2,
    groups: { race: ['w', 'b'], site: ['1', '1'] },
  });
  expect([...train.labels]).toEqual([1, 0]);
  expect([train.images[0], train.images[12]]).toEqual([3, 2]);
  expect(subset(train, [1]).groups).toEqual({ race: ['b'], site: ['1'] });
  expect((await load(csv, 'test')).groups).toEqual({ race: ['b'], site: ['2'] });
});

test('without a split column a fifth of each class is for testing; no further columns, no groups', async () => {
  const csv = `path,label\n${'i/a.png,x\n'.repeat(10)}${'i/c.png,y\n'.repeat(5)}`;
  const tested = await load(csv, 'test');
  expect([...tested.labels]).toEqual([0, 0, 1]);
  expect(tested.groups).toBeUndefined();
  expect((await load(csv, 'train')).n).toBe(12);
});

test.each([
  ['no label column', 'path,class\ni/a.png,x\n', /expected a column 'label' in the header, got path, class/],
  ['a column twice', 'path,label,path\n', /column 'path' has an empty name or the name of another column/],
  ['no rows', 'path,label\n', /found only the header/],
  ['an empty label', 'path,label\ni/a.png,\n', /line 2: the path or the label is empty/],
  ['another split', 'path,label,split\ni/a.png,x,val\n', /line 2: expected 'train' or 'test'/],
  ['an image that is absent', `path,label\n${'i/z.png,x\n'.repeat(5)}`, /i.z\.png: no such image file/],
])('%s is a DataError', async (_title, csv, reason) => {
  await expect(load(csv, 'train')).rejects.toThrow(DataError);
  await expect(load(csv, 'train')).rejects.toThrow(reason);
});
