import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { normals } from '../../models/architectures/init.ts';
import { ended } from '../../models/ending.ts';
import { readModel } from '../../models/files/read.ts';
import { predict } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import { privateProblems } from '../../pipelines/compile/served-plan.ts';
import { maximumDifference } from '../helpers/differences.ts';
import { runFile } from '../helpers/networks/onnx.ts';
import { seededRng } from '../helpers/rng.ts';

/** Small networks as PyTorch 1.13 and others write them, and the ops that do not run privately. */
const files: Readonly<Record<string, readonly string[]>> = {
  'act-celu': ['Celu', 'Celu'],
  'clip-0-big': [],
  'dq-weights-only': [],
  'fn-abs': [],
  'fn-square': [],
  'gap-squeeze-all': [],
  'nhwc-inner-pair': [],
  opset9: [],
  'tail-softmax': [],
};

test.each(Object.entries(files))(
  '%s is read and means what it means to onnxruntime',
  async (name, problems) => {
    const bytes = readFileSync(join(import.meta.dirname, `../fixtures/exported/${name}.onnx`));
    const model = readModel(bytes, `${name}.onnx`);
    const { shape } = model.graph.inputs[0]!;
    const image = normals(sizeOf(shape), seededRng('image'));
    const reference = await runFile(bytes, image, [1, ...shape]);
    const logits = await predict(model, image, 1, { threads: 1 });
    const { ending } = model.graph;
    const own = ending === undefined ? logits : ended(ending, logits);
    expect(maximumDifference(own, reference.data)).toBeLessThan(1e-4);
    expect(privateProblems(model).map(({ op }) => op)).toEqual(problems);
  },
);
