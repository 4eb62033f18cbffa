import { describe, expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import { readModel } from '../../../models/files/read.ts';
import { writeModel } from '../../../models/files/write.ts';
import type { RawAttribute, RawNode } from '../../../models/onnx/raw.ts';
import { predict } from '../../../models/runtime/run.ts';
import { relativeDifference } from '../../helpers/differences.ts';
import { floats, rawModel, runFile } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

type Attributes = Readonly<Record<string, RawAttribute>>;
type Case = { readonly weight: readonly number[]; readonly attributes: Attributes; readonly bias?: boolean };

const [n, input] = [2, [4, 5, 6]] as const;

/** A transposed convolution of [4, 5, 6], and a mean over what it computes. */
function fileOf({ weight, attributes, bias = true }: Case, maps: number): Uint8Array {
  const inputs = ['x', 'k', ...(bias ? ['b'] : [])];
  const nodes: RawNode[] = [{ op: 'ConvTranspose', inputs, outputs: ['y'], attributes }];
  return rawModel(['N', ...input], nodes, [floats('k', weight), floats('b', [maps])], 4);
}

const ints = (...list: number[]): RawAttribute => ({ ints: list });
const cases: Readonly<Record<string, Case>> = {
  'stride 1': { weight: [4, 3, 3, 3], attributes: {} },
  'stride 1, which cuts more than the kernel reaches': {
    weight: [4, 3, 2, 2],
    attributes: { pads: ints(2, 0, 1, 2) },
  },
  'stride 2, kernel 2': { weight: [4, 3, 2, 2], attributes: { strides: ints(2, 2) } },
  'stride 2, kernel 4, pad 1, as GANs have it': {
    weight: [4, 3, 4, 4],
    attributes: { strides: ints(2, 2), pads: ints(1, 1, 1, 1) },
    bias: false,
  },
  'stride 2, kernel 3, with output padding': {
    weight: [4, 3, 3, 3],
    attributes: { strides: ints(2, 2), pads: ints(1, 1, 1, 1), output_padding: ints(1, 1) },
  },
  'strides 3 and 1, kernel 2 x 5': {
    weight: [4, 2, 2, 5],
    attributes: { strides: ints(3, 1), pads: ints(0, 1, 1, 3) },
  },
  'stride 2 and dilation 3': {
    weight: [4, 2, 3, 2],
    attributes: { strides: ints(2, 2), dilations: ints(3, 2), output_padding: ints(1, 0) },
  },
  'two groups': { weight: [4, 3, 3, 3], attributes: { strides: ints(2, 2), group: { int: 2 } } },
  'as many groups as channels': {
    weight: [4, 1, 2, 3],
    attributes: { strides: ints(2, 2), group: { int: 4 } },
  },
  'SAME_UPPER with an odd pad': {
    weight: [4, 3, 3, 3],
    attributes: { strides: ints(2, 2), auto_pad: { string: 'SAME_UPPER' } },
  },
  'SAME_LOWER with an odd pad': {
    weight: [4, 3, 3, 3],
    attributes: { strides: ints(2, 2), auto_pad: { string: 'SAME_LOWER' } },
  },
  'a given output shape': {
    weight: [4, 3, 4, 4],
    attributes: { strides: ints(2, 2), output_shape: ints(9, 11) },
  },
};

describe('a transposed convolution computes what onnxruntime does', () => {
  test.each(Object.entries(cases))('%s', async (_name, given) => {
    const group = (given.attributes['group'] as { int?: number } | undefined)?.int ?? 1;
    const file = fileOf(given, given.weight[1]! * group);
    const images = normals(n * 120, seededRng('images'));
    const reference = await runFile(file, images, [n, ...input]);
    const model = readModel(file, 'transposed.onnx');
    expect([n, ...model.graph.outputs[0]!.shape]).toEqual(reference.shape);
    expect(relativeDifference(await predict(model, images, n), reference.data)).toBeLessThan(1e-5);
    const again = readModel(writeModel(model), 'again.onnx');
    expect(await predict(again, images, n)).toEqual(await predict(model, images, n));
  });

  test.each<[string, Case, RegExp]>([
    ['a weight of other channels', { weight: [3, 3, 2, 2], attributes: {} }, /does not fit 4 channels/],
    [
      'pads that leave nothing',
      { weight: [4, 3, 1, 1], attributes: { pads: ints(3, 0, 3, 0) } },
      /leave nothing/,
    ],
    [
      'output padding as large as the stride',
      { weight: [4, 3, 2, 2], attributes: { output_padding: ints(1, 1) } },
      /output_padding/,
    ],
    [
      'a larger output shape',
      { weight: [4, 3, 1, 1], attributes: { output_shape: ints(9, 9) } },
      /output_shape is larger/,
    ],
  ])('%s is refused', (_name, given, message) => {
    expect(() => readModel(fileOf(given, 3), 'wrong.onnx')).toThrow(message);
  });
});
