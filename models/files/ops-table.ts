import type { OpType } from '../graph.ts';
import { isActivation } from '../ops/activation.ts';
import { AttributeReader } from '../ops/attributes.ts';
import type { InputKind } from '../ops/definition.ts';
import { ops } from '../ops/index.ts';
import { foldedOps } from './fold.ts';
import { refusals, rewrites } from './rewrite.ts';

/** docs/ops.md, from the tables that the reader works with. */
export function opsTable(): string {
  const names = Object.keys(ops) as OpType[];
  const rows = names.map((op) => [
    op,
    ops[op].does,
    attributesOf(op),
    ops[op].inputs.map((kind) => inputNames[kind]).join(', '),
    ops[op].refuses,
  ]);
  return `${[
    '# Operators',
    'Written by `npm run docs:ops` from the tables in `models/ops` and `models/files`; a test compares it with them. Files of\nopset 13 to 22 are read, opset 17 is written. The first dimension is the batch. All nodes that are refused are named before any\nwork starts.',
    table(['op', 'computes', 'attributes (default)', 'inputs', 'refused'], rows),
    `A reduction may replace these activations, element by element: ${names.filter((op) => isActivation({ op })).join(', ')}.`,
    '## Operators that are read as one of these',
    table(
      ['op', 'becomes'],
      Object.entries(rewrites).map(([op, { becomes }]) => [op, becomes]),
    ),
    '## Operators that are computed while the file is read',
    `If their inputs are constants or shapes (the batch may be symbolic): ${foldedOps.toSorted().join(', ')}.`,
    '## Operators that are never read',
    table(['op', 'reason'], Object.entries(refusals)),
  ].join('\n\n')}\n`;
}

const inputNames: Readonly<Record<InputKind, string>> = {
  value: 'value',
  weight: 'weight',
  'optional-weight': '[weight]',
  any: 'value or weight',
  constant: 'constant',
  'optional-constant': '[constant]',
  values: 'values',
};

/** Asks the op's own parser: with nothing given it reads all it knows, whether or not it then refuses. */
function attributesOf(op: OpType): string {
  const reader = new AttributeReader({ kernel_shape: { ints: [1, 1] } });
  try {
    ops[op].parse(reader, [{ name: 'x', shape: [1, 1, 1], constant: undefined, batch: undefined }]);
  } catch {
    // Reshape and Pad want constants, too: their attributes have been read by then.
  }
  const withDefault = ([name, value]: [string, number | string | undefined]) =>
    value === undefined
      ? name
      : `${name} (${typeof value === 'number' ? Number(value.toPrecision(6)) : value})`;
  return [...reader.asked].map(withDefault).join(', ');
}

/** Markdown with aligned columns, as the formatter leaves it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(3, cell.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [head, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n');
}
