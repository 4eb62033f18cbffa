import { expect, test } from 'vitest';
import { activationsOf, countRelus } from '../../../models/analysis/inspect.ts';
import { verifyModel } from '../../../models/analysis/shapes.ts';
import { asRelu, otherActivations } from '../../../models/passes/as-relu.ts';
import { replaceActivation } from '../../../models/passes/replace-relu.ts';
import { tinyMobilenet, tinyResnet } from '../../helpers/networks/networks.ts';

test('every ReLU6 becomes a ReLU of the same name and count', () => {
  const model = tinyMobilenet();
  const plain = asRelu(model);
  verifyModel(plain);
  expect(activationsOf(plain).map(({ op }) => op)).toEqual(Array<string>(6).fill('Relu'));
  expect(activationsOf(plain).map(({ name }) => name)).toEqual([...otherActivations(model).keys()]);
  expect(countRelus(plain)).toBe(countRelus(model));
  expect(otherActivations(plain).size).toBe(0);
});

test('ReLUs and mixtures stay as they are', () => {
  const zeros = new Float32Array(4);
  const kinds = Uint8Array.from({ length: 256 }, (_, i) => i % 3);
  const model = replaceActivation(tinyResnet(), 'stem.relu', { kinds, c2: zeros, c1: zeros, c0: zeros });
  expect(asRelu(model)).toEqual(model);
});
