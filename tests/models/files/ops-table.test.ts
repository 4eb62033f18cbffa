import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ops } from '../../../models/ops/index.ts';
import { opsTable } from '../../../models/files/ops-table.ts';
import type { OpType } from '../../../models/graph.ts';
import { runsPrivately } from '../../../pipelines/compile/lower/runs-privately.ts';
import { privateProblems } from '../../../pipelines/compile/served-plan.ts';
import { randomCase } from '../../helpers/networks/random-nodes.ts';

test('docs/ops.md is what the tables say; else run npm run docs:ops', () => {
  const file = readFileSync(join(import.meta.dirname, '../../../docs/ops.md'), 'utf8');
  expect(file).toBe(opsTable(runsPrivately));
});

test('the README leads to the table, and every op but our own has a row', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
  expect(readme).toContain('](docs/ops.md)');
  const rows = opsTable(runsPrivately)
    .match(/^\| (?=[A-Z])\w+ +\|/gm)!
    .map((row) => row.slice(2, -1).trim());
  expect(Object.keys(ops).filter((op) => !rows.includes(op))).toEqual([]);
});

test('the attributes of an op are those that its parser reads', () => {
  const row = (op: string) =>
    opsTable(runsPrivately)
      .split('\n')
      .find((line) => line.startsWith(`| ${op} `))!;
  expect(row('Conv')).toMatch(/kernel_shape, strides, dilations, pads, auto_pad \(NOTSET\), group \(1\)/);
  expect(row('Gemm')).toMatch(/alpha \(1\), beta \(1\), transA \(0\), transB \(0\)/);
  expect(row('Relu')).not.toMatch(/alpha/);
});

test.each(Object.keys(ops) as OpType[])('%s runs privately in some form as the table says', (op) => {
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
  const runs = seeds.some((seed) => privateProblems(randomCase(op, seed).model).length === 0);
  expect(runs).toBe(runsPrivately[op].startsWith('yes'));
});
