import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { opsTable } from '../../../models/onnx/ops-table.ts';

test('docs/ops.md is what the tables say; else run npm run docs:ops', () => {
  const file = readFileSync(join(import.meta.dirname, '../../../docs/ops.md'), 'utf8');
  expect(file).toBe(opsTable());
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
