import { expect, test } from 'vitest';
import { seededUniform } from '../../../../models/data/seeded.ts';
import { minimalFiltering } from '../../../../models/ops/windows/minimal-filtering.ts';
import type { Matrix, MinimalFiltering } from '../../../../models/ops/windows/minimal-filtering.ts';

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
const times = (matrix: Matrix, vector: readonly number[]) => matrix.map((row) => dot(row, vector));

function filtered({ outputs, output, kernel, input }: MinimalFiltering, x: number[], g: number[]): number[] {
  const [a, b] = [times(input, x), times(kernel, g)];
  const products = a.map((v, i) => v * b[i]!);
  return Array.from({ length: outputs }, (_, i) =>
    dot(
      products,
      output.map((row) => row[i]!),
    ),
  );
}

const correlated = (x: number[], g: number[]) =>
  Array.from({ length: x.length - 2 }, (_, i) => dot(x.slice(i, i + 3), g));

test.each([
  ['two outputs', [0, 1, -1], 2],
  ['three outputs', [0, 1, -1, 2], 3],
  ['four outputs', [0, 5 / 8, -5 / 8, 3 / 2, -3 / 2], 4],
])('%s of three taps by two multiplications more', (_title, points, outputs) => {
  const filtering = minimalFiltering(points);
  expect(filtering.outputs).toBe(outputs);
  expect([filtering.output, filtering.kernel, filtering.input].map((m) => [m.length, m[0]!.length])).toEqual([
    [outputs + 2, outputs],
    [outputs + 2, 3],
    [outputs + 2, outputs + 2],
  ]);
  const uniform = seededUniform(5);
  const random = (n: number) => Array.from({ length: n }, () => 2 * uniform() - 1);
  const [x, g] = [random(outputs + 2), random(3)];
  const found = filtered(filtering, x, g);
  correlated(x, g).forEach((expected, i) => expect(found[i]).toBeCloseTo(expected, 13));
  const moved = { ...filtering, input: minimalFiltering(points.with(1, 0.9)).input };
  expect(Math.abs(filtered(moved, x, g)[0]! - found[0]!)).toBeGreaterThan(1e-3);
});

test("F(2, 3) is Lavin and Gray's, a point's factor moved from one matrix to another", () => {
  const { output, kernel, input } = minimalFiltering([0, 1, -1]);
  const published = {
    output: [[1, 0], [1, 1], [1, -1], [0, -1]], // prettier-ignore
    kernel: [
      [1, 0, 0],
      [0.5, 0.5, 0.5],
      [0.5, -0.5, 0.5],
      [0, 0, 1],
    ],
    input: [
      [1, 0, -1, 0],
      [0, 1, 1, 0],
      [0, -1, 1, 0],
      [0, 1, 0, -1],
    ],
  };
  const factor = (ours: Matrix, theirs: Matrix) =>
    ours.map((row, p) => {
      const at = row.findIndex((v) => v !== 0);
      const ratio = row[at]! / theirs[p]![at]!;
      row.forEach((v, i) => expect(v).toBeCloseTo(ratio * theirs[p]![i]!, 14));
      return ratio;
    });
  const [a, g, b] = [
    factor(output, published.output),
    factor(kernel, published.kernel),
    factor(input, published.input),
  ];
  a.forEach((v, p) => expect(v * g[p]! * b[p]!).toBeCloseTo(1, 14));
});
