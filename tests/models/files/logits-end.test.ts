import { describe, expect, test } from 'vitest';
import { readReport } from '../../../models/files/read.ts';
import type { RawNode } from '../../../models/onnx/raw.ts';
import { exportedShape as shape } from '../../helpers/networks/exported.ts';
import { floats, rawModel, runFile } from '../../helpers/networks/onnx.ts';
import { predict } from '../../../models/runtime/run.ts';
import { argmax } from '../../../models/tensor.ts';

describe('what comes after the logits is taken off, with a note', () => {
  const net = [
    { op: 'GlobalAveragePool', inputs: ['x'], outputs: ['p'] },
    { op: 'Flatten', inputs: ['p'], outputs: ['f'] },
  ];
  const ending = (op: string, axis?: number): RawNode => {
    const attributes = axis === undefined ? {} : { axis: { int: axis } };
    return { op, inputs: ['f'], outputs: ['y'], attributes };
  };
  const x = floats('x', [5, ...shape]).data;

  test.each<[string, number | undefined]>([
    ['Softmax', undefined],
    ['Softmax', 1],
    ['LogSoftmax', -1],
    ['ArgMax', 1],
  ])('%s over axis %s: the class is the same', async (op, axis) => {
    const bytes = rawModel(['N', ...shape], [...net, ending(op, axis)], [], 2);
    const { model, notes } = readReport(bytes, 'exported.onnx');
    expect(notes).toEqual([`y (${op}) at its end is taken off: the outputs are the logits`]);
    const logits = rawModel(['N', ...shape], [net[0]!, { ...net[1]!, outputs: ['y'] }], [], 2);
    const wanted = await runFile(logits, x, [5, ...shape]);
    const y = await predict(model!, x, 5, { threads: 1 });
    expect(y).toEqual(wanted.data);
    if (op === 'ArgMax') return;
    const { data } = await runFile(bytes, x, [5, ...shape]);
    for (let i = 0; i < 5; i++) {
      const [ours, theirs] = [y, data].map((all) => argmax(all.subarray(4 * i, 4 * i + 4)));
      expect(ours).toBe(theirs);
    }
  });

  test('a Softmax and an ArgMax of it', () => {
    const nodes = [
      ...net,
      { ...ending('Softmax', 1), outputs: ['s'] },
      { ...ending('ArgMax', 1), inputs: ['s'] },
    ];
    const { model, notes } = readReport(rawModel(['N', ...shape], nodes, [], 2), 'exported.onnx');
    expect(model!.graph.nodes.map(({ op }) => op).slice(0, 2)).toEqual(['GlobalAveragePool', 'Flatten']);
    expect(notes).toHaveLength(2);
    const wrong = [...nodes.slice(0, 3), { ...ending('ArgMax', 0), inputs: ['s'] }];
    const { unsupported } = readReport(rawModel(['N', ...shape], wrong, [], 1), 'exported.onnx');
    expect(unsupported.map(({ op }) => op)).toEqual(['ArgMax']);
  });

  test('over the batch, over places or before another node it stays refused', () => {
    const reasons = (nodes: readonly RawNode[]) =>
      readReport(rawModel(['N', ...shape], nodes), 'exported.onnx').unsupported.map(({ reason }) => reason);
    const refused = /only one over the classes at the end can be taken off/;
    for (const nodes of [
      [...net, ending('Softmax', 0)],
      [{ ...ending('Softmax', 1), inputs: ['x'] }],
      [...net, { ...ending('Softmax', 1), outputs: ['s'] }, { op: 'Relu', inputs: ['s'], outputs: ['y'] }],
    ])
      expect(reasons(nodes)).toEqual([expect.stringMatching(refused)]);
    const behind: RawNode = { op: 'Mish', inputs: ['p'], outputs: ['q'] };
    const nodes = [net[0]!, behind, { ...net[1]!, inputs: ['q'] }, ending('Softmax', 1)];
    expect(reasons(nodes)).toEqual([expect.stringMatching(/this op is not supported/)]);
    expect(reasons([...net, ending('ArgMax', 0)])).toEqual([expect.stringMatching(/not supported/)]);
  });
});
