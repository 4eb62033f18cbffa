import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { normals } from '../../models/architectures/init.ts';
import { loadModel } from '../../models/files/read.ts';
import { forInference } from '../../models/passes/index.ts';
import { predict } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { simulate } from '../../pipelines/simulate/simulate.ts';
import { PlanError } from '../../src/shared/errors.ts';
import { seededRng } from '../helpers/rng.ts';

/**
 * Networks of torchvision's building blocks, as PyTorch exported them: tests/fixtures/torchvision/export.py.
 */
const folder = join(import.meta.dirname, '../fixtures/torchvision');
const n = 10;

async function exported(name: string) {
  const model = forInference(await loadModel(join(folder, `${name}.onnx`)));
  return { model, images: normals(n * sizeOf(model.graph.inputs[0]!.shape), seededRng(1)) };
}

describe('what PyTorch exported gives, in the integers of the protocol, the logits of the file', () => {
  test.each(['resnet', 'vgg-bn', 'mobilenet-v2', 'densenet', 'squeezenet'])('%s', async (name) => {
    const { model, images } = await exported(name);
    const made = await prepare(model, { calibration: { images, n } });
    const float = await predict(model, images, n, { threads: 1 });
    const integer = await simulate(made.plan, made.weights, images, n, seededRng('shares'));
    const error = float.reduce((worst, y, i) => Math.max(worst, Math.abs(y - integer[i]!)), 0);
    const bound = logitErrorBound(made).likely;
    expect(error).toBeLessThan(bound);
    // and the bound is of use: far below the logits themselves
    expect(bound).toBeLessThan(float.reduce((largest, y) => Math.max(largest, Math.abs(y)), 0) / 20);
  });
});

test('hard swishes and gates: mobilenet-v3, whose bound is too loose to be of use', async () => {
  const { model, images } = await exported('mobilenet-v3');
  const made = await prepare(model, { calibration: { images, n } });
  const float = await predict(model, images, n, { threads: 1 });
  const integer = await simulate(made.plan, made.weights, images, n, seededRng('shares'));
  const error = float.reduce((worst, y, i) => Math.max(worst, Math.abs(y - integer[i]!)), 0);
  const largest = float.reduce((most, y) => Math.max(most, Math.abs(y)), 0);
  expect(error).toBeLessThan(largest / 20);
  expect(error).toBeLessThan(logitErrorBound(made).likely);
});

describe('what has no protocol is refused by the name of the node', () => {
  test.each(['efficientnet'])('%s', async (name) => {
    const { model, images } = await exported(name);
    const made = prepare(model, { calibration: { images, n } });
    await expect(made).rejects.toThrow(PlanError);
    await expect(made).rejects.toThrow(/^node \/.* cannot run privately: .*; .*fine-tune the model$/);
  });
});
