import type { OpType } from '../graph.ts';
import { isCurved } from '../passes/curved-activations.ts';
import { isActivation } from '../ops/activations/activation.ts';
import { AttributeReader } from '../ops/attributes.ts';
import type { InputKind } from '../ops/definition.ts';
import { ops } from '../ops/index.ts';
import { foldedOps } from './fold.ts';
import { refusals, rewrites } from './rewrite.ts';

/**
 * The text of docs/ops.md, from the tables that the reader works with. `runsPrivately` says for each op
 * whether it runs between two parties, which is not known here.
 */
export function opsTable(runsPrivately: Readonly<Record<OpType, string>>): string {
  const names = Object.keys(ops) as OpType[];
  const rows = names.map((op) => [
    op,
    ops[op].does,
    attributesOf(op),
    ops[op].inputs.map((kind) => inputNames[kind]).join(', '),
    ops[op].refuses,
  ]);
  const state = names.map((op) => [op, 'yes', 'yes', runsPrivately[op], replacementOf(op)]);
  return `${[
    '# Operators',
    'This page is written by `npm run docs:ops` from the tables in `models/ops` and `models/files`.\n' +
      'A test compares them. Files of opset 7 to 23 can be read; files are written in opset 17.\n' +
      'The first dimension is the batch. All unsupported nodes of a file are reported at once. What this means for\n' +
      'networks of torchvision is in [results/torchvision.md](results/torchvision.md).',
    table(['op', 'computes', 'attributes (default)', 'inputs', 'refused'], rows),
    '## What each operator can do',
    table(['op', 'is read', 'trains', 'runs privately', 'can be replaced'], state),
    'A reduction replaces activations element by element, by polynomials, lines or nothing. Those with\n' +
      '`--activations` are replaced by straight pieces or polynomials before it begins (`reduce --activations`).',
    '## Operators that are read as one of these',
    table(
      ['op', 'becomes'],
      Object.entries(rewrites).map(([op, { becomes }]) => [op, becomes]),
    ),
    'Transposes leave nothing behind: what follows is read in the order of axes that is used here, and an image with\n' +
      'channels last becomes one with channels first. A Reshape of a transposed value becomes a Gather. Model-local\n' +
      'functions are inlined.',
    'A Softmax, LogSoftmax, Sigmoid or ArgMax over the classes at the end of the graph is taken off; `inspect` says so.\n' +
      'The plan of a private run names it, and the client gives its outputs beside the logits.',
    'A Relu, Clip or LeakyRelu that only a MaxPool reads, directly or through a Concat, is read as one behind the\n' +
      'pool. The values are the same, and a pool of 2 x 2 leaves a quarter of the activations.',
    '## Operators that are computed while the file is read',
    'If their inputs are constants or shapes (the batch may be symbolic): ' +
      `${foldedOps.toSorted().join(', ')}.`,
    '## Operators that are not read',
    table(['op', 'reason'], Object.entries(refusals)),
  ].join('\n\n')}\n`;
}

function replacementOf(op: OpType): string {
  if (isCurved(op)) return 'by a reduction, or before it with `--activations`';
  return isActivation({ op }) ? 'by a reduction' : '';
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

/**
 * Lists an op's attributes with their defaults. Its parser reads all the attributes it knows even if none is
 * given, so it is asked.
 */
function attributesOf(op: OpType): string {
  const reader = new AttributeReader({ kernel_shape: { ints: [1, 1] } });
  try {
    ops[op].parse(reader, [{ name: 'x', shape: [1, 1, 1], constant: undefined, batch: undefined }]);
  } catch {
    // Reshape and Pad also need constants, and refuse after they have read their attributes.
  }
  const withDefault = ([name, value]: [string, number | string | undefined]) =>
    value === undefined
      ? name
      : `${name} (${typeof value === 'number' ? Number(value.toPrecision(6)) : value})`;
  return [...reader.asked].map(withDefault).join(', ');
}

/** A Markdown table with aligned columns, as prettier formats it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(3, cell.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [head, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n');
}
