import { createHash } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadDataset } from '../../../../models/data/dataset.ts';
import type { Dataset, Split } from '../../../../models/data/dataset.ts';
import { folderWith, plainPng } from '../../../helpers/data/image-files.ts';

const size = { width: 2, height: 2 };
const pngs = (class_: number, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => plainPng([class_, i, 7], size)));

/** animals: 120 pictures, 20 of them in folders of their own; tools: 100, and two copies; flags: 99. */
async function someClipart() {
  const [animals, tools, flags] = [await pngs(0, 120), await pngs(1, 100), await pngs(2, 99)];
  const named = (folder: string, pictures: readonly Uint8Array[]) =>
    pictures.map((png, i) => [`${folder}/${i}.png`, png] as const);
  const files = Object.fromEntries([
    ...named('animals', animals.slice(0, 100)),
    ...named('animals/birds/small', animals.slice(100)),
    ...named('tools', tools),
    ...named('tools/copies', [tools[0]!, animals[0]!]),
    ...named('flags', flags),
  ]);
  const folder = await folderWith({ ...files, 'README.txt': 'clip art' });
  return { folder, pictures: [animals, tools] };
}

let folder: string;
let pictures: readonly (readonly Uint8Array[])[];
beforeAll(async () => {
  ({ folder, pictures } = await someClipart());
});

const load = (split: Split, from = folder) =>
  loadDataset(`openclipart:${from}@2`, split, { cache: `${from}-cache` });
const coloursOf = ({ images, n }: Dataset) =>
  Array.from({ length: n }, (_, i) => `${images[12 * i]},${images[12 * i + 4]}`).sort();

test('classes with fewer than a hundred pictures are left out, and each picture counts once', async () => {
  const [train, tested] = [await load('train'), await load('test')];
  expect([train.classes, tested.classes]).toEqual([
    ['animals', 'tools'],
    ['animals', 'tools'],
  ]);
  expect(train.n + tested.n).toBe(220);
  expect(new Set([...coloursOf(train), ...coloursOf(tested)]).size).toBe(220);
});

test("the first byte of a file's hash decides its split, whatever its name", async () => {
  const isTest = (png: Uint8Array) => createHash('sha256').update(png).digest()[0]! < 51;
  const expected = pictures.flatMap((own, label) =>
    own.flatMap((png, i) => (isTest(png) ? [`${label},${i}`] : [])),
  );
  const before = coloursOf(await load('test'));
  expect(before).toEqual(expected.sort());
  expect(before.length).toBeGreaterThan(20);
  const again = await someClipart();
  for (let i = 0; i < 100; i++)
    await rename(join(again.folder, `tools/${i}.png`), join(again.folder, `tools/x${99 - i}.png`));
  expect(coloursOf(await load('test', again.folder))).toEqual(before);
});

test('a folder without two large classes is refused, with what to give instead', async () => {
  const small = await folderWith({ 'a/1.png': await plainPng([1, 2, 3], size) });
  await expect(load('train', small)).rejects.toThrow(
    /expected at least two folders of 100 pictures, found 0; give the folder png of the package openclipart-png/,
  );
});

test('a picture that announces more pixels than are decoded is left out, and no other', async () => {
  const huge = await plainPng([0, 7, 7], size);
  const largest = await plainPng([0, 8, 8], size);
  announce(huge, 0x4000, 0x3fff);
  announce(largest, 0x3fff, 0x3fff);
  const files = Object.fromEntries(
    pictures.flatMap((own, i) => own.map((png, j) => [`${'ab'[i]}/${j}.png`, png])),
  );
  const withHuge = await folderWith({ ...files, 'a/huge.png': huge });
  const [train, tested] = [await load('train', withHuge), await load('test', withHuge)];
  expect(train.n + tested.n).toBe(220);
  const withLargest = await folderWith({ ...files, 'a/largest.png': largest });
  const both = Promise.all([load('train', withLargest), load('test', withLargest)]);
  await expect(both).rejects.toThrow(/largest\.png: the image cannot be decoded/);
});

/** Changes the width and height in a PNG's header. */
function announce(png: Uint8Array, width: number, height: number): void {
  const header = new DataView(png.buffer, png.byteOffset);
  header.setUint32(16, width);
  header.setUint32(20, height);
}
