import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededUniform } from '../../../models/data/seeded.ts';
import { verifyModel } from '../../../models/graph-tools.ts';
import { readModel } from '../../../models/onnx/read.ts';
import { writeModel } from '../../../models/onnx/write.ts';
import { forInference } from '../../../models/passes/index.ts';
import { ModelError } from '../../../src/shared/errors.ts';
import { mutateBytes, mutateContent } from '../../helpers/mutate-onnx.ts';

const folder = join(import.meta.dirname, '../../fixtures/torchvision');
const files = readdirSync(folder).filter((file) => file.endsWith('.onnx'));
const rounds = 150;

/** 'refused' for one ModelError that names the file; 'read' for a network that fits together, folds, and survives its own file. */
function outcome(bytes: Uint8Array): 'refused' | 'read' {
  let model;
  try {
    model = readModel(bytes, 'mutated.onnx');
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    expect(error.message).toMatch(/^mutated\.onnx: /);
    expect(error.message.length).toBeLessThan(20_000);
    return 'refused';
  }
  verifyModel(model);
  const folded = forInference(model);
  verifyModel(folded);
  expect(readModel(writeModel(folded), 'again.onnx').graph.outputs).toEqual(folded.graph.outputs);
  return 'read';
}

test.each(files)('%s with damaged bytes or content is refused in one error or read whole', (file) => {
  const bytes = new Uint8Array(readFileSync(join(folder, file)));
  const uniform = seededUniform(bytes.length);
  const counts = { refused: 0, read: 0 };
  for (let i = 0; i < rounds; i++) {
    counts[outcome(mutateBytes(bytes, uniform))]++;
    counts[outcome(mutateContent(bytes, uniform))]++;
  }
  // Most damage is noticed, and not all is fatal: weights with a flipped bit are weights.
  expect(counts.refused).toBeGreaterThan(rounds / 2);
  expect(counts.read).toBeGreaterThan(0);
});
