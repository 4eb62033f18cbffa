import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ops } from '../../models/ops/index.ts';
import { checkNodeTest, difference, foreignOps, loadNodeTest } from './node-test.ts';

/** A part of what `npm run test:conformance` runs. */
const folder = join(import.meta.dirname, '../fixtures/onnx-node');
const names = readdirSync(folder).filter((name) => name.startsWith('test_'));

const refused: Readonly<Record<string, RegExp>> = {
  test_gemm_transposeA: /transA would transpose the batch/,
  test_dropout_default_mask: /its output z is used/,
};

test.each(names)('%s', async (name) => {
  const verdict = await checkNodeTest(loadNodeTest(folder, name));
  const reason = refused[name];
  if (reason === undefined) expect(verdict).toMatchObject({ kind: 'passed' });
  else expect(verdict).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) as unknown });
});

test('every op of ONNX 17 among ours is there, but for some activations', () => {
  const found = new Set(
    names.flatMap((name) => loadNodeTest(folder, name).model.graph!.node.map((n) => n.opType)),
  );
  const missing = Object.keys(ops).filter((op) => !found.has(op));
  // Two of ours, one of ONNX 24, and activations that this part of the node tests lacks.
  const others = ['Celu', 'Elu', 'Erf', 'Gelu', 'Tanh'];
  expect(missing.sort()).toEqual([...others, 'GatedActivation', 'MixedActivation', 'Swish'].sort());
});

test('a wrong attribute fails: the same data with other strides, another alpha', async () => {
  const strided = loadNodeTest(folder, 'test_conv_with_strides_and_asymmetric_padding');
  const attribute = strided.model.graph!.node[0]!.attribute.find((a) => a.name === 'pads')!;
  attribute.ints = [...attribute.ints.slice(2), ...attribute.ints.slice(0, 2)].reverse();
  expect(await checkNodeTest(strided)).toMatchObject({ kind: 'failed' });
  const leaky = loadNodeTest(folder, 'test_leakyrelu');
  leaky.model.graph!.node[0]!.attribute[0]!.f += 1e-3;
  expect(await checkNodeTest(leaky)).toMatchObject({ kind: 'failed' });
});

test('the comparison sees one value, one shape, NaN', () => {
  const of = (...data: number[]) => ({ shape: [data.length], data });
  expect(difference(of(1, 2), of(1, 2))).toBeUndefined();
  expect(difference(of(1, 2.0001), of(1, 2))).toMatch(/element 1: expected 2, got 2.0001/);
  expect(difference(of(1, NaN), of(1, 2))).toMatch(/element 1/);
  expect(difference({ shape: [2, 1], data: [1, 2] }, of(1, 2))).toMatch(/shape/);
});

test('tests of other ops are out of scope', () => {
  const other = loadNodeTest(folder, 'test_relu');
  other.model.graph!.node[0]!.opType = 'Einsum';
  expect(foreignOps(other)).toEqual(['Einsum']);
});
