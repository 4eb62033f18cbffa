import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import { loadModel, readModel } from '../../../models/files/read.ts';
import { predict } from '../../../models/runtime/run.ts';
import type { RawNode } from '../../../models/onnx/raw.ts';
import { maximumDifference } from '../../helpers/differences.ts';
import { floats, rawModel, runFile } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

const nodes: RawNode[] = [
  { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'] },
  { op: 'GlobalAveragePool', inputs: ['c'], outputs: ['p'] },
  { op: 'Flatten', inputs: ['p'], outputs: ['y'] },
];
const file = (...input: (number | string)[]) =>
  rawModel(['N', ...input], nodes, [floats('w', [4, 3, 3, 3])], 2);
const read = (bytes: Uint8Array, size?: [number, number]) =>
  readModel(bytes, 'open.onnx', undefined, size === undefined ? {} : { size });

describe('height and width that the file leaves open', () => {
  test('are those that the reader is given', async () => {
    const bytes = file(3, 'height', 'width');
    const x = normals(3 * 7 * 9, seededRng('x'));
    const model = read(bytes, [7, 9]);
    expect(model.graph.inputs[0]!.shape).toEqual([3, 7, 9]);
    const reference = await runFile(bytes, x, [1, 3, 7, 9]);
    expect(maximumDifference(await predict(model, x, 1, { threads: 1 }), reference.data)).toBeLessThan(1e-5);
  });

  test('without a size, the message names the option', () => {
    expect(() => read(file(3, 'height', 'width'))).toThrow(
      'open.onnx: input x: its height and width are not fixed; give them with --size, e.g. --size 224x224',
    );
  });

  test('go before the channels where those are last', () => {
    const last: RawNode = {
      op: 'Transpose',
      inputs: ['x'],
      outputs: ['t'],
      attributes: { perm: { ints: [0, 3, 1, 2] } },
    };
    const [conv, ...rest] = nodes;
    const all = [last, { ...conv!, inputs: ['t', 'w'] }, ...rest];
    const bytes = rawModel(['N', 'height', 'width', 3], all, [floats('w', [4, 3, 3, 3])], 2);
    expect(read(bytes, [7, 9]).graph.inputs[0]!.shape).toEqual([3, 7, 9]);
  });

  test('a file that fixes another size is not overruled, and channels cannot be open', () => {
    expect(() => read(file(3, 8, 8), [7, 9])).toThrow(/expected a size of 7x9, got 8x8/);
    expect(read(file(3, 8, 8), [8, 8]).graph.inputs[0]!.shape).toEqual([3, 8, 8]);
    expect(() => read(file('channels', 'height', 'width'), [7, 9])).toThrow(/export it with fixed ones/);
  });
});

test.each([
  ['net.pt', [0x50, 0x4b, 3, 4], /from PyTorch:.*torch\.onnx\.export.*or from Keras:.*net\.export/s],
  ['old.pth', [0x80, 2, 0x8a, 10], /a pickle.*torch\.onnx\.export/s],
  ['net.h5', [0x89, 0x48, 0x44, 0x46], /HDF5.*net\.export/s],
])('%s is answered with the lines that export it', async (name, bytes, expected) => {
  const folder = await mkdtemp(join(tmpdir(), 'reluctant-foreign-'));
  try {
    const path = join(folder, name);
    await writeFile(path, Uint8Array.from([...bytes, 0, 0, 0]));
    await expect(loadModel(path)).rejects.toThrow(expected);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('all nodes at fault behind an unsupported one are named, but not the shapes computed there', () => {
  const behind: RawNode[] = [
    { op: 'Softsign', name: 'first', inputs: ['x'], outputs: ['a'] },
    { op: 'ReduceProd', name: 'second', inputs: ['a'], outputs: ['b'] },
    { op: 'Shape', name: 'shape', inputs: ['b'], outputs: ['s'] },
    { op: 'ReduceProd', name: 'size', inputs: ['s'], outputs: ['t'] },
    { op: 'Reshape', name: 'fine', inputs: ['b', 't'], outputs: ['c'] },
    { op: 'Softsign', name: 'third', inputs: ['c'], outputs: ['y'] },
  ];
  const path = rawModel(['N', 4, 8, 8], behind);
  expect(() => readModel(path, 'net.onnx')).toThrow(
    /3 nodes are not supported:\n {2}first \(Softsign\).*\n {2}second \(ReduceProd\).*\n {2}third \(Softsign\)/,
  );
});
