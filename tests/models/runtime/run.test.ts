import { expect, test, vi } from 'vitest';
import { DataError, ModelError } from '../../../src/shared/errors.ts';
import { normals } from '../../../models/architectures/init.ts';
import { nothingBeside } from '../../../models/files/files-beside.ts';
import { decodeFile } from '../../../models/onnx/decode.ts';
import { InferenceSession } from '../../../models/runtime/onnxruntime.ts';
import { Evaluator, predict } from '../../../models/runtime/run.ts';
import { maximumDifference } from '../../helpers/differences.ts';
import { tinyResnet } from '../../helpers/networks/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

const model = tinyResnet();
const n = 7;
const images = normals(n * 128, seededRng('images'));

test('the size of a batch does not change an answer, and progress ends at the end', async () => {
  const whole = await predict(model, images, n, { threads: 1 });
  expect(whole.length).toBe(n * 3);
  const seen: number[] = [];
  const parts = await predict(model, images, n, {
    batch: 3,
    threads: 1,
    onProgress: ({ done }) => seen.push(done),
  });
  expect(maximumDifference(parts, whole)).toBeLessThan(1e-5);
  expect(seen).toEqual([3, 6, 7]);
});

test('values inside the network by name, the images and the logits among them', async () => {
  const outputs = ['image', 'stem.conv', 'stem.bn', 'stem.relu', 'head.fc'];
  const evaluator = await Evaluator.create(model, { outputs, threads: 1 });
  const values = await evaluator.run(images, n);
  await evaluator.release();
  expect([...values.keys()].sort()).toEqual(outputs.toSorted());
  expect(values.get('image')).toEqual(images);
  const bn = values.get('stem.bn')!;
  expect(values.get('stem.relu')).toEqual(bn.map((v) => Math.max(v, 0)));
  expect(maximumDifference(values.get('head.fc')!, await predict(model, images, n))).toBeLessThan(1e-5);
});

test('what the values do not depend on is not computed', async () => {
  const create = vi.spyOn(InferenceSession, 'create');
  for (const [outputs, nodes] of [
    [['stem.relu'], ['stem.conv', 'stem.bn', 'stem.relu']],
    [['image'], []],
    [['stem.relu', 'head.fc'], model.graph.nodes.map(({ name }) => name)],
  ]) {
    const evaluator = await Evaluator.create(model, { outputs: outputs!, threads: 1 });
    expect([...(await evaluator.run(images, n)).keys()]).toEqual(outputs);
    await evaluator.release();
    const file = decodeFile(create.mock.lastCall![0], nothingBeside);
    expect(file.nodes.map(({ name }) => name)).toEqual(nodes);
    const read = new Set(file.nodes.flatMap(({ inputs }) => inputs));
    expect([...file.initializers.keys()].filter((name) => !read.has(name))).toEqual([]);
  }
});

test('wrong sizes and names are refused', async () => {
  await expect(predict(model, images, n + 1)).rejects.toThrow(
    new DataError('images: expected 8 x [2, 8, 8] = 1024 values, got 896'),
  );
  await expect(predict(model, images.subarray(0, 0), 0)).rejects.toThrow(DataError);
  await expect(Evaluator.create(model, { outputs: ['nowhere'] })).rejects.toThrow(
    new ModelError('value nowhere: no node of tiny defines it'),
  );
});
