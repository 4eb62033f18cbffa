import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifyModel } from '../../models/analysis/shapes.ts';
import type { OpType } from '../../models/graph.ts';
import { activationsOf } from '../../models/analysis/inspect.ts';
import { loadModel, readModel } from '../../models/files/read.ts';
import { writeModel } from '../../models/files/write.ts';
import { forInference } from '../../models/passes/index.ts';
import { predict } from '../../models/runtime/run.ts';
import { relativeDifference } from '../helpers/differences.ts';
import { runFile } from '../helpers/networks/onnx.ts';

/** Exported by PyTorch 1.13 from torchvision's building blocks; see export.py there. */
const folder = join(import.meta.dirname, '../fixtures/torchvision');
const answers = JSON.parse(readFileSync(join(folder, 'answers.json'), 'utf8')) as Record<
  string,
  { readonly size: number; readonly logits: readonly number[] }
>;

/**
 * What must be among the ops, and how many activations and batch norms there are before folding and after.
 */
const expected: Record<string, { ops: OpType[]; activations: number; batchNorms: [number, number] }> = {
  resnet: { ops: ['MaxPool', 'Add', 'GlobalAveragePool'], activations: 8, batchNorms: [10, 0] },
  'vgg-bn': { ops: ['AveragePool', 'Gemm'], activations: 3, batchNorms: [2, 0] },
  'mobilenet-v2': { ops: ['Clip', 'Add'], activations: 6, batchNorms: [9, 0] },
  'mobilenet-v3': { ops: ['HardSwish', 'HardSigmoid', 'Mul', 'Relu'], activations: 9, batchNorms: [7, 0] },
  efficientnet: { ops: ['Swish', 'Sigmoid', 'Mul'], activations: 5, batchNorms: [4, 0] },
  // Six follow a concatenation, which has no convolution to fold into.
  densenet: { ops: ['Concat', 'AveragePool'], activations: 11, batchNorms: [11, 6] },
  squeezenet: { ops: ['Concat', 'MaxPool'], activations: 5, batchNorms: [0, 0] },
  // The division of the image becomes one: it runs where a product with a constant does not.
  habits: { ops: ['PRelu', 'LeakyRelu', 'AveragePool', 'MatMul'], activations: 2, batchNorms: [0, 1] },
};

/** sin(0.37 i), as in export.py. */
const imageOf = (size: number) =>
  Float32Array.from({ length: 3 * size * size }, (_, i) => Math.sin(0.37 * i));

describe('networks that PyTorch exported', () => {
  test.each(Object.keys(expected))('%s: loads, folds, is written, loads again', async (name) => {
    const path = join(folder, `${name}.onnx`);
    const { size, logits } = answers[name]!;
    const image = imageOf(size);
    const original = await runFile(readFileSync(path), image, [1, 3, size, size]);
    expect(relativeDifference(original.data, logits)).toBeLessThan(1e-4);

    const model = await loadModel(path);
    const folded = forInference(model);
    const again = readModel(writeModel(folded), 'again.onnx');
    for (const each of [model, folded, again]) {
      verifyModel(each);
      const ours = await predict(each, image, 1, { threads: 1 });
      expect(relativeDifference(ours, logits)).toBeLessThan(1e-4);
      expect(relativeDifference(ours, original.data)).toBeLessThan(1e-4);
    }
    expect(again.graph).toEqual(folded.graph);
    const { ops, activations, batchNorms } = expected[name]!;
    const found = model.graph.nodes.map((node) => node.op);
    expect(found).toEqual(expect.arrayContaining(ops));
    expect(activationsOf(model)).toHaveLength(activations);
    const normsOf = (m: typeof model) => m.graph.nodes.filter((n) => n.op === 'BatchNormalization').length;
    expect([normsOf(model), normsOf(folded)]).toEqual(batchNorms);
  });

  test('the comparison sees one changed weight', async () => {
    const model = await loadModel(join(folder, 'resnet.onnx'));
    const [name, weight] = [...model.weights][0]!;
    const data = weight.data.map((v, i) => (i === 0 ? v + 0.5 : v));
    const changed = { ...model, weights: new Map(model.weights).set(name, { ...weight, data }) };
    const ours = await predict(changed, imageOf(32), 1, { threads: 1 });
    expect(relativeDifference(ours, answers['resnet']!.logits)).toBeGreaterThan(1e-3);
  });
});
