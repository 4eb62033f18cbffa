import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ops } from '../../../models/ops/index.ts';
import { opsTable } from '../../../models/files/ops-table.ts';

test('docs/ops.md is what the tables say; else run npm run docs:ops', () => {
  const file = readFileSync(join(import.meta.dirname, '../../../docs/ops.md'), 'utf8');
  expect(file).toBe(opsTable());
});

test('the README leads to the table, and every op but our own has a row', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
  expect(readme).toContain('](docs/ops.md)');
  const rows = opsTable()
    .match(/^\| (?=[A-Z])\w+ +\|/gm)!
    .map((row) => row.slice(2, -1).trim());
  expect(Object.keys(ops).filter((op) => !rows.includes(op))).toEqual([]);
});

test('the attributes of an op are those that its parser reads', () => {
  const row = (op: string) =>
    opsTable()
      .split('\n')
      .find((line) => line.startsWith(`| ${op} `))!;
  expect(row('Conv')).toMatch(/kernel_shape, strides, dilations, pads, auto_pad \(NOTSET\), group \(1\)/);
  expect(row('Gemm')).toMatch(/alpha \(1\), beta \(1\), transA \(0\), transB \(0\)/);
  expect(row('Relu')).not.toMatch(/alpha/);
});
