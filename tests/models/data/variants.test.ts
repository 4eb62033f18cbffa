import { describe, expect, test } from 'vitest';
import { loadDataset } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import { shifted, shiftSome } from '../../../models/data/shift.ts';
import { seededUniform } from '../../../models/data/seeded.ts';
import { applyVariants, parseVariants } from '../../../models/data/variants.ts';
import { DataError } from '../../../src/shared/errors.ts';

/** Four classes of 40 images, image i holding the byte i. */
const data: Dataset = {
  name: 'even',
  classes: ['a', 'b', 'c', 'd'],
  shape: [1, 1, 1],
  images: Uint8Array.from({ length: 160 }, (_, i) => i),
  labels: Uint8Array.from({ length: 160 }, (_, i) => i % 4),
  n: 160,
};
const countsOf = ({ classes, labels }: Dataset) =>
  classes.map((_, label) => labels.filter((own) => own === label).length);
const apply = (spec: string, split: 'train' | 'test' = 'train') =>
  applyVariants(data, split, parseVariants(`x${spec}`).chosen);

describe('what stands behind a spec', () => {
  test.each([
    ['fashion-mnist', 'fashion-mnist', []],
    ['fashion-mnist+unequal=0.9/0.1', 'fashion-mnist', [['unequal', '0.9/0.1']]],
    ['csv:a+b/faces.csv@1x8x8+shifted=0.2', 'csv:a+b/faces.csv@1x8x8', [['shifted', '0.2']]],
    ['x+long-tail=10+shifted=.5', 'x', [['long-tail', '10'], ['shifted', '.5']]], // prettier-ignore
    ['fashion-mnist+unequl=0.9', 'fashion-mnist+unequl=0.9', []],
  ])('%s', (spec, base, chosen) => {
    expect(parseVariants(spec)).toEqual({ base, chosen: chosen.map(([name, value]) => ({ name, value })) });
  });

  test('a misspelt one is a data set that is not known', async () => {
    const load = loadDataset('fashion-mnist-part+unequl=0.9/0.1', 'train');
    await expect(load).rejects.toThrow(/unequl=0\.9\/0\.1' is not known: .*\+unequal=0\.9\/0\.1/);
  });
});

describe('unequal and long tail', () => {
  test('keep the share of each class that they say, the rows as they are, the test images whole', () => {
    const thin = apply('+unequal=0.9/0.1');
    expect(countsOf(thin)).toEqual([36, 36, 4, 4]);
    thin.images.forEach((image, i) => expect(thin.labels[i]).toBe(image % 4));
    expect([...thin.images]).toEqual([...thin.images].sort((a, b) => a - b));
    expect(countsOf(apply('+unequal=1/0.5/0.25/0.001'))).toEqual([40, 20, 10, 1]);
    expect(countsOf(apply('+long-tail=8'))).toEqual([40, 20, 10, 5]);
    expect(countsOf(apply('+unequal=0.9/0.1', 'test'))).toEqual([40, 40, 40, 40]);
    expect(thin.name).toBe('even +unequal=0.9/0.1');
  });

  test('the same rows each time', () => {
    expect([...apply('+unequal=0.5').images]).toEqual([...apply('+unequal=0.5').images]);
  });

  test('of Fashion-MNIST by its spec', async () => {
    const thin = await loadDataset('fashion-mnist-part+unequal=0.9/0.1', 'train');
    expect(countsOf(thin)).toEqual([630, 630, 630, 630, 630, 70, 70, 70, 70, 70]);
  });

  test.each([
    ['+unequal=0.9/2', /above 0 and up to 1/],
    ['+unequal=0/1', /above 0/],
    ['+unequal=0.9//0.1', /got ''/],
    ['+unequal=1/1/1/1/1', /5 shares are more than the 4 classes/],
    ['+long-tail=0.5', /at least 1/],
    ['+long-tail=many', /at least 1/],
    ['+shifted=20', /above 0 and up to 1/],
    ['+shifted=0.2+shifted=0.1', /it already has a column 'shift'/],
  ])('%s is refused', (spec, says) => {
    expect(() => apply(spec)).toThrow(DataError);
    expect(() => apply(spec)).toThrow(says);
  });
});

describe('a protected attribute apart from the label', () => {
  const split = (column: readonly string[], labels: ArrayLike<number>, label: number) =>
    column.filter((value, i) => value === 'shifted' && labels[i] === label).length;

  test('the share of each class, in a column; the others untouched; other rows in the test images', () => {
    const some = shiftSome(data, 0.2, 'train');
    const column = some.groups!['shift']!;
    expect([0, 1, 2, 3].map((label) => split(column, data.labels, label))).toEqual([8, 8, 8, 8]);
    column.forEach((value, i) => value === 'plain' && expect(some.images[i]).toBe(data.images[i]));
    expect(shiftSome(data, 0.2, 'train').images).toEqual(some.images);
    expect(shiftSome(data, 0.2, 'test').groups!['shift']).not.toEqual(column);
    expect(data.images[3]).toBe(3);
  });

  test('keeps other columns, and rows that are left out later take theirs along', () => {
    const grouped = { ...data, groups: { eye: Array.from(data.images, String) } };
    const both = applyVariants(grouped, 'train', parseVariants('x+shifted=0.5+unequal=0.5').chosen);
    expect(both.n).toBe(80);
    both.labels.forEach((label, i) => expect(Number(both.groups!['eye']![i]) % 4).toBe(label));
    expect(new Set(both.groups!['shift'])).toEqual(new Set(['plain', 'shifted']));
  });

  test('half as bright, turned by 20 degrees to either side, noisy', () => {
    const bar = new Uint8Array(21 * 21);
    for (let y = 0; y < 21; y++) bar.fill(200, 21 * y + 9, 21 * y + 12); // upright, three pixels wide
    const turns = [1, 2, 3, 4, 5, 6].map((seed) => {
      const image = shifted(bar, [1, 21, 21], seededUniform(seed));
      const brightness = (rows: number[]) => rows.map((y) => [...image.subarray(21 * y, 21 * y + 21)]);
      const centre = (y: number) => {
        const [row = []] = brightness([y]);
        const weights = row.map((value) => Math.max(0, value - 48)); // three deviations of the noise
        return weights.reduce((sum, w, x) => sum + w * x, 0) / weights.reduce((a, b) => a + b, 0);
      };
      const middle = [...image.subarray(21 * 10 + 10, 21 * 10 + 11)][0]!;
      expect(Math.abs(middle - 100)).toBeLessThan(6 * 16);
      return (centre(16) - centre(4)) / 12; // the tangent
    });
    const tangent = Math.tan((20 * Math.PI) / 180);
    turns.forEach((turn) => expect(Math.abs(Math.abs(turn) - tangent)).toBeLessThan(0.12));
    expect(new Set(turns.map(Math.sign))).toEqual(new Set([-1, 1]));
  });
});
