import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { architectures } from '../../../models/architectures/index.ts';
import { normals } from '../../../models/architectures/init.ts';
import type { Model } from '../../../models/graph.ts';
import { loadModel, readModel } from '../../../models/files/read.ts';
import { saveModel, writeModel } from '../../../models/files/write.ts';
import { replaceActivation } from '../../../models/passes/replace-relu.ts';
import { predict } from '../../../models/runtime/run.ts';
import { maximumDifference } from '../../helpers/differences.ts';
import { tinyResnet } from '../../helpers/networks/networks.ts';
import { runFile } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

/** One activation of each kind of mixture: in an image and, by the seed, in every channel. */
function mixed(model: Model): Model {
  const kinds = Uint8Array.from(seededRng('kinds').bytes(4 * 8 * 8), (v) => v % 3);
  const [c2, c1, c0] = ['c2', 'c1', 'c0'].map((seed) => normals(4, seededRng(seed))) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  return replaceActivation(model, 'stage1.block0.relu1', { kinds, c2, c1, c0 });
}

test('a network of ours comes back as it was', () => {
  for (const model of [
    tinyResnet(),
    mixed(tinyResnet()),
    architectures.resnet20([3, 32, 32], 10, seededRng(1)),
  ]) {
    const again = readModel(writeModel(model), 'again.onnx');
    expect(again.graph).toEqual(model.graph);
    expect([...again.weights.keys()].sort()).toEqual([...model.weights.keys()].sort());
    for (const [name, tensor] of model.weights) expect(again.weights.get(name)).toEqual(tensor);
  }
});

test('reading and writing again gives the same bytes', () => {
  const bytes = writeModel(mixed(tinyResnet()));
  const again = writeModel(readModel(bytes, 'again.onnx'));
  const third = writeModel(readModel(again, 'third.onnx'));
  expect(Buffer.compare(third, again)).toBe(0);
});

test('plain onnxruntime runs the file and gives what we give', async () => {
  const model = mixed(tinyResnet());
  const x = normals(5 * 128, seededRng('x'));
  const reference = await runFile(writeModel(model), x, [5, 2, 8, 8]);
  expect(reference.shape).toEqual([5, 3]);
  expect(maximumDifference(await predict(model, x, 5, { threads: 1 }), reference.data)).toBe(0);
  const untouched = await predict(tinyResnet(), x, 5, { threads: 1 });
  expect(maximumDifference(untouched, reference.data)).toBeGreaterThan(1e-3);
});

test('a saved file is whole, and nothing is left beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reluctant-'));
  try {
    const path = join(folder, 'tiny.onnx');
    await saveModel(path, tinyResnet());
    expect((await loadModel(path)).graph).toEqual(tinyResnet().graph);
    expect(await readdir(folder)).toEqual(['tiny.onnx']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
