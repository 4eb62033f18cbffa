import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cachedImages, prune } from '../../../../models/data/images/image-cache.ts';
import { folderWith } from '../../../helpers/data/image-files.ts';

test('a cache that is too large loses what was not used for longest, never the newest or other files', async () => {
  const bytes = Buffer.alloc(100);
  const folder = await folderWith({ 'a.idx': bytes, 'b.idx': bytes, 'c.idx': bytes, 'notes.txt': bytes });
  for (const [i, name] of ['b.idx', 'a.idx', 'c.idx'].entries()) await utimes(join(folder, name), i, i);
  const left = async (limit: number, newest = 'c.idx') => {
    await prune(folder, join(folder, newest), limit);
    return (await readdir(folder)).sort();
  };
  expect(await left(300)).toEqual(['a.idx', 'b.idx', 'c.idx', 'notes.txt']);
  expect(await left(299)).toEqual(['a.idx', 'c.idx', 'notes.txt']);
  expect(await left(10, 'a.idx')).toEqual(['a.idx', 'notes.txt']);
});

test('a cache that cannot be written or read costs only the decoding', async () => {
  const folder = await folderWith({});
  const blocked = join(folder, 'file');
  await writeFile(blocked, '');
  let decoded = 0;
  const decode = () => Promise.resolve(Uint8Array.of(++decoded, 0));
  const images = (cache: string) => cachedImages(['a', 'b'], { channels: 1 }, [1, 1, 1], { cache }, decode);
  expect(await images(join(blocked, 'cache'))).toEqual(Uint8Array.of(1, 0));
  expect(await images(join(blocked, 'cache'))).toEqual(Uint8Array.of(2, 0));
  // One that can is written.
  for (let i = 0; i < 2; i++) expect([...(await images(join(folder, 'cache')))]).toEqual([3, 0]);
});
