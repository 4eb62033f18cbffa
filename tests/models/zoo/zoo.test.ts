import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { architectures } from '../../../models/architectures/index.ts';
import { loadDataset } from '../../../models/data/dataset.ts';
import { countRelus } from '../../../models/analysis/inspect.ts';
import { loadModel } from '../../../models/files/read.ts';
import { evaluate } from '../../../models/train/evaluate.ts';
import { resolveModel, zooModels } from '../../../models/zoo/index.ts';
import { UsageError } from '../../../src/shared/errors.ts';

test('the zoo has the network of the examples', () => {
  expect(zooModels().map(({ name }) => name)).toContain('fashion-resnet8');
});

test.each(zooModels())('$name is what the manifest says', async (entry) => {
  const path = resolveModel(`zoo:${entry.name}`);
  expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(entry.sha256);
  const model = await loadModel(path);
  expect(countRelus(model)).toBe(entry.relus);
  expect(Object.keys(architectures)).toContain(entry.architecture);
  expect(entry.command).toContain(`--arch ${entry.architecture} --data ${entry.data} `);
  expect(entry.command).toContain(`--out models/zoo/${entry.file}`);
  // Batch normalisation is not folded, so that it can be trained on.
  expect(model.graph.nodes.some((node) => node.op === 'BatchNormalization')).toBe(true);
});

test('fashion-resnet8 tells the part of the test images apart as well as all of them', async () => {
  const { test_accuracy } = zooModels().find(({ name }) => name === 'fashion-resnet8')!;
  const part = await loadDataset('fashion-mnist-part', 'test');
  const { accuracy, n } = await evaluate(await loadModel('zoo:fashion-resnet8'), part);
  // Three standard deviations of a sample of n.
  const tolerance = 3 * Math.sqrt((test_accuracy * (1 - test_accuracy)) / n);
  expect(Math.abs(accuracy - test_accuracy)).toBeLessThan(tolerance);
});

test('a path is itself; a name that the zoo has not is a UsageError with those it has', () => {
  expect(resolveModel('some/model.onnx')).toBe('some/model.onnx');
  expect(() => resolveModel('zoo:none')).toThrow(UsageError);
  expect(() => resolveModel('zoo:none')).toThrow(/zoo:none is not in the zoo; it has zoo:fashion-resnet8/);
});
