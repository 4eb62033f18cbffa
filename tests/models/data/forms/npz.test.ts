import { join } from 'node:path';
import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { byteImages, loadDataset, pixels, subset } from '../../../../models/data/dataset.ts';
import type { Split } from '../../../../models/data/dataset.ts';
import { parseNpy } from '../../../../models/data/forms/npy.ts';
import { loadModel } from '../../../../models/files/read.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { argmax } from '../../../../models/tensor.ts';
import { DataError } from '../../../../src/shared/errors.ts';
import { folderWith } from '../../../helpers/data/image-files.ts';
import { npy } from '../../../helpers/data/npz.ts';

/**
 * What NumPy 1.24 wrote, compressed: a = np.arange(36, dtype='u1').reshape(2, 2, 3, 3) * 7 as x_train, [[3],
 * [1]] (int64) as y_train, a[:1] as x_test, [4] (uint8) as y_test.
 */
const fromNumpy =
  'UEsDBBQAAAAIAAAAIQCd1QxJbwAAAKQAAAALABQAeF90cmFpbi5ucHkBABAApAAAAAAAAABvAAAAAAAAAJvsF+obEMnIUMZQrZ6S' +
  'WpxcpG6loF5Taqiuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CkBkDESaOgq1CmQALgZ2PlEZZS1DC3s335DopMyC' +
  '8rrWnsmzFq5Yv23vkdOXbj54/u4rAFBLAwQUAAAACAAAACEAdEuv8UwAAACQAAAACwAUAHlfdHJhaW4ubnB5AQAQAJAAAAAAAAAA' +
  'TAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgqGmjoKtQpk' +
  'Ay5mBghghNIAUEsDBBQAAAAIAAAAIQDfvypmXQAAAJIAAAAKABQAeF90ZXN0Lm5weQEAEACSAAAAAAAAAF0AAAAAAAAAm+wX6hsQ' +
  'ychQxlCtnpJanFykbqWgXlNqqK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkahjoKRjoKxkCkqaNQq0AG4GJg5xOVUdYy' +
  'tLB38w2JTsosKAcAUEsDBBQAAAAIAAAAIQD0RsywRQAAAIEAAAAKABQAeV90ZXN0Lm5weQEAEACBAAAAAAAAAEUAAAAAAAAAm+wX' +
  '6hsQychQxlCtnpJanFykbqWgXlNqqK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkahjqaOgq1ChQALhYAUEsBAhQDFAAA' +
  'AAgAAAAhAJ3VDElvAAAApAAAAAsAAAAAAAAAAAAAAIABAAAAAHhfdHJhaW4ubnB5UEsBAhQDFAAAAAgAAAAhAHRLr/FMAAAAkAAA' +
  'AAsAAAAAAAAAAAAAAIABrAAAAHlfdHJhaW4ubnB5UEsBAhQDFAAAAAgAAAAhAN+/KmZdAAAAkgAAAAoAAAAAAAAAAAAAAIABNQEA' +
  'AHhfdGVzdC5ucHlQSwECFAMUAAAACAAAACEA9EbMsEUAAACBAAAACgAAAAAAAAAAAAAAgAHOAQAAeV90ZXN0Lm5weVBLBQYAAAAA' +
  'BAAEAOIAAABPAgAAAAA=';

async function load(archive: Uint8Array, split: Split = 'train') {
  return loadDataset(`npz:${await folderWith({ 'a.npz': archive })}/a.npz`, split);
}

const bytes = (n: number) => Uint8Array.from({ length: n }, (_, i) => i);
const good = {
  'images.npy': npy('|u1', [10, 2, 2], bytes(40)),
  'labels.npy': npy('|u1', [10], new Uint8Array(10)),
};

test("NumPy's own file: channels come first, labels of both splits give the classes", async () => {
  const archive = Buffer.from(fromNumpy, 'base64');
  const train = await load(archive);
  expect(train).toMatchObject({ n: 2, shape: [3, 2, 3], classes: ['0', '1', '2', '3', '4'] });
  expect([...train.labels]).toEqual([3, 1]);
  const value = (i: number) => 7 * (18 * Math.floor(i / 18) + 3 * (i % 6) + (Math.floor(i / 6) % 3));
  const channelsFirst = Array.from({ length: 36 }, (_, i) => value(i));
  expect([...train.images]).toEqual(channelsFirst);
  const tested = await load(archive, 'test');
  expect(tested.classes).toEqual(train.classes);
  expect([...tested.labels]).toEqual([4]);
  expect([...tested.images]).toEqual(channelsFirst.slice(0, 18));
});

test('images and labels: a fifth of each class is for testing', async () => {
  const archive = zipSync(good);
  const [train, tested] = [await load(archive), await load(archive, 'test')];
  expect([train.n, tested.n, train.shape]).toEqual([8, 2, [1, 2, 2]]);
  expect([...train.images, ...tested.images].sort((a, b) => a - b)).toEqual([...bytes(40)]);
});

test('channels as the second axis stay there', async () => {
  const archive = zipSync({
    'train_images.npy': npy('|u1', [1, 3, 2, 2], bytes(12)),
    'train_labels.npy': npy('<u2', [1], Uint8Array.of(5, 0)),
  });
  const train = await load(archive);
  expect(train.shape).toEqual([3, 2, 2]);
  expect([...train.images]).toEqual([...bytes(12)]);
  expect(train.classes).toHaveLength(6);
});

/** `count` floats of one value. */
function floats(count: number, value: number): Uint8Array {
  return new Uint8Array(new Float32Array(count).fill(value).buffer);
}

/** A number for each of `count` places, in another type. */
function typed<T extends { readonly buffer: ArrayBufferLike }>(
  make: (length: number) => T,
  values: ArrayLike<number>,
): Uint8Array {
  const array = make(values.length) as unknown as (number | bigint)[];
  for (let i = 0; i < values.length; i++)
    array[i] = typeof array[i] === 'bigint' ? BigInt(values[i]!) : values[i]!;
  return new Uint8Array((array as unknown as T).buffer as ArrayBuffer);
}

const archiveOf = (descr: string, shape: readonly number[], data: Uint8Array, fortran = 'False') =>
  zipSync({
    'x_test.npy': npy(descr, shape, data, fortran),
    'y_test.npy': npy('|u1', [shape[0]!], bytes(shape[0]!)),
  });
const loadTest = async (archive: Uint8Array) =>
  loadDataset(`npz:${join(await folderWith({ 'a.npz': archive }), 'a.npz')}`, 'test');

const values = Array.from({ length: 24 }, (_, i) => 10 * i + 1);

test.each([
  ['int64', '<i8', typed((n) => new BigInt64Array(n), values)],
  ['int32', '<i4', typed((n) => new Int32Array(n), values)],
  ['float32 up to 255', '<f4', typed((n) => new Float32Array(n), values)],
  ['float64 up to 255', '<f8', typed((n) => new Float64Array(n), values)],
])('whole numbers from 0 to 255 are bytes: %s', async (_title, descr, data) => {
  const { images, shape } = await loadTest(archiveOf(descr, [2, 3, 4], data));
  expect(images).toEqual(Uint8Array.from(values));
  expect(shape).toEqual([1, 3, 4]);
});

test('floats from 0 to 1 are pixels as they are, 0 and 1 too', async () => {
  const pixelsOf = async (data: readonly number[]) =>
    pixels(
      await loadTest(
        archiveOf(
          '<f4',
          [2, 3, 4],
          typed((n) => new Float32Array(n), data),
        ),
      ),
    );
  const grey = values.map((value) => value / 256);
  expect(await pixelsOf(grey)).toEqual(Float32Array.from(grey));
  const binary = values.map((_, i) => i % 2);
  expect(await pixelsOf(binary)).toEqual(Float32Array.from(binary));
});

/** The bytes of images [4, 28, 28] with the first axis stepping fastest. */
const inColumns = (rows: Uint8Array) =>
  Uint8Array.from(rows, (_, i) => {
    const [n, y, x] = [i % 4, Math.floor(i / 4) % 28, Math.floor(i / 112)];
    return rows[784 * n + 28 * y + x]!;
  });

test.each<[string, string, (bytes: Uint8Array) => Uint8Array, string?]>([
  [
    'float32 from 0 to 1',
    '<f4',
    (rows) =>
      typed(
        (n) => new Float32Array(n),
        [...rows].map((v) => v / 255),
      ),
  ],
  ['int64', '<i8', (rows) => typed((n) => new BigInt64Array(n), rows)],
  ['bytes in Fortran order', '|u1', inColumns, 'True'],
])('a network knows the first pictures of Fashion-MNIST as %s', async (_title, descr, data, fortran) => {
  const first = subset(await loadDataset('fashion-mnist-part', 'test'), [0, 1, 2, 3]);
  const found = await loadTest(archiveOf(descr, [4, 28, 28], data(byteImages(first)), fortran));
  const logits = await predict(await loadModel('zoo:fashion-resnet8'), pixels(found), 4, { threads: 1 });
  const classes = [0, 1, 2, 3].map((i) => argmax(logits.subarray(10 * i, 10 * i + 10)));
  expect(classes).toEqual([9, 2, 1, 1]); // an ankle boot, a pullover and two trousers
  expect(classes).toEqual([...first.labels]);
});

test('an array in Fortran order is the same array', async () => {
  const shape = [2, 3, 4] as const;
  const columns = new Uint8Array(24);
  for (let n = 0; n < 2; n++)
    for (let y = 0; y < 3; y++)
      for (let x = 0; x < 4; x++) columns[n + 2 * (y + 3 * x)] = values[12 * n + 4 * y + x]!;
  const { images } = await loadTest(archiveOf('|u1', shape, columns, 'True'));
  expect(images).toEqual(Uint8Array.from(values));
});

test.each([
  ['five channels first', [1, 5, 8, 8], [5, 8, 8]],
  ['five channels last', [1, 8, 8, 5], [5, 8, 8]],
  ['two channels first', [1, 2, 4, 4], [2, 4, 4]],
])('%s', async (_title, shape, expected) => {
  const size = shape.reduce((product, length) => product * length, 1);
  const found = await loadTest(archiveOf('|u1', shape, bytes(size)));
  expect(found.shape).toEqual(expected);
  const [c, h, w] = expected as [number, number, number];
  const isFirst = shape[1] === c;
  const at = isFirst ? 1 * h * w + 2 * w + 3 : (2 * w + 3) * c + 1;
  expect(found.images[h * w + 2 * w + 3]).toBe(bytes(size)[at]);
});

test('two axes are rows of numbers, taken as they are', async () => {
  const found = await loadTest(
    archiveOf(
      '<i4',
      [4, 6],
      typed((n) => new Int32Array(n), values),
    ),
  );
  expect(found.shape).toEqual([6]);
  expect(found.images).toEqual(Float32Array.from(values));
});

/** Says that its last file unpacks to 3.75 GiB. */
function bomb(): Uint8Array {
  const archive = Buffer.from(zipSync(good));
  archive.writeUInt32LE(0xf0000000, archive.lastIndexOf('PK\x01\x02', undefined, 'latin1') + 24);
  return archive;
}

const images = (array: Uint8Array) => zipSync({ ...good, 'images.npy': array });
const labels = (array: Uint8Array) => zipSync({ ...good, 'labels.npy': array });
test.each([
  ['no archive', bytes(100), /a\.npz: the \.npz archive cannot be read/],
  ['a cut archive', zipSync(good).subarray(0, 300), /a\.npz: the \.npz archive cannot be read/],
  ['an archive that would unpack to gigabytes', bomb(), /unpacks to more than 2147483648 bytes/],
  [
    'other arrays',
    zipSync({ 'z.npy': good['labels.npy'] }),
    /array x_train or .* or images or x or arr_0, got z/,
  ],
  ['no labels', zipSync({ 'images.npy': good['images.npy'] }), /expected an array labels of labels/],
  ['labels too few', labels(npy('|u1', [9], bytes(9))), /labels: expected 10 labels for the images, got 9/],
  [
    'labels too high',
    labels(npy('<u4', [10], new Uint8Array(40).fill(1))),
    /row 0: expected labels 0 to 65535/,
  ],
  [
    'labels below zero',
    labels(npy('|i1', [10], new Uint8Array(10).fill(255))),
    /row 0: expected labels 0 to 65535/,
  ],
  [
    'one-hot labels',
    labels(npy('|u1', [10, 2], bytes(20))),
    /expected labels \[n\] or \[n, 1\], got \[10, 2\]/,
  ],
  [
    'halves',
    images(npy('<f2', [10, 1, 1], bytes(20))),
    /images: expected little-endian numbers, got '<f2'; .*astype\('float32'\)/,
  ],
  [
    'floats without end',
    images(npy('<f4', [10, 1, 1], new Uint8Array(40).fill(255))),
    /images: value 0 is not a finite number/,
  ],
  ['big-endian', labels(npy('>i2', [10], bytes(20))), /little-endian numbers, got '>i2'/],
  [
    'wide images',
    images(npy('<i2', [10, 1, 2], bytes(40))),
    /images: expected whole numbers from 0 to 255 of type 'i2'/,
  ],
  ['bytes too few', images(npy('|u1', [10, 2, 2], bytes(39))), /\[10, 2, 2\] of 'u1' needs 40 bytes, got 39/],
  [
    'one axis',
    images(npy('|u1', [10], bytes(10))),
    /expected \[n, H, W\], rows of numbers \[n, C\], or four/,
  ],
  [
    'four equal axes',
    images(npy('|u1', [10, 2, 2, 2], bytes(80))),
    /four axes of which the second or the last/,
  ],
  ['labels with a half', labels(npy('<f4', [10], floats(10, 0.5))), /row 0: expected labels 0 to 65535/],
  [
    'either layout',
    images(npy('|u1', [10, 1, 4, 1], bytes(40))),
    /four axes of which the second or the last/,
  ],
  ['nothing in it', images(npy('|u1', [0, 2, 2], bytes(0))), /a dimension is zero/],
  [
    'no header',
    images(Buffer.from('\x93NUMPY\x01\x00\x76\x00{', 'latin1')),
    /images: ends within its header/,
  ],
  ['another header', images(npy('|u1, x: ', [10], bytes(10)).fill(0x20, 12, 60)), /malformed header/],
  ['no array', images(bytes(200)), /images: not a \.npy array/],
])('%s: a DataError that names the file', async (_title, archive, reason) => {
  await expect(load(archive)).rejects.toThrow(DataError);
  await expect(load(archive)).rejects.toThrow(reason);
});

test('a small array lies in memory at any offset', () => {
  const file = npy('<u4', [2], Uint8Array.of(1, 0, 0, 0, 0, 1, 0, 0));
  const shifted = Buffer.concat([Buffer.from([0]), file]).subarray(1);
  expect(parseNpy(shifted, 'a')).toEqual({ shape: [2], type: 'u4', data: Uint32Array.of(1, 256) });
});
