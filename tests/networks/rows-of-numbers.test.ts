import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NetworkBuilder } from '../../models/architectures/builder.ts';
import { loadDataset, pixels } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { labelsOf } from '../../models/data/labelled-images.ts';
import type { Model } from '../../models/graph.ts';
import { describeModel } from '../../models/passes/describe-model.ts';
import { evaluate } from '../../models/train/evaluate.ts';
import type { EngineName } from '../../models/train/engines/names.ts';
import { fit } from '../../models/train/fit.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import { debugLocal } from '../../pipelines/simulate/debug-local.ts';
import { folderWith } from '../helpers/data/image-files.ts';
import { seededRng } from '../helpers/rng.ts';
import { normals } from '../../models/architectures/init.ts';

/** A network of two layers for rows of `inputs` numbers. */
function perceptron(inputs: number, hidden: number, classes: number): Model {
  const net = new NetworkBuilder('rows', [inputs], seededRng('rows'));
  const h = net.relu('relu', net.gemm('first', net.input, inputs, hidden));
  return net.build(net.gemm('second', h, hidden, classes));
}

const options = { batch: 16, seed: 1, threads: 1 };

test('a CSV of numbers trains a network, evaluates it and is answered privately', async () => {
  // Two columns of very different size, of which the second decides.
  const noise = normals(400, seededRng('table'));
  const rows = Array.from(
    { length: 200 },
    (_, i) => [1000 + 500 * noise[2 * i]!, noise[2 * i + 1]!] as const,
  );
  const lines = rows.map(([a, b]) => `${a.toFixed(1)},${b > 0 ? 'high' : 'low'},${b.toFixed(4)}`);
  const file = join(await folderWith({ 'a.csv': ['income,label,score', ...lines].join('\n') }), 'a.csv');
  const [train, validation] = [
    await loadDataset(`table:${file}`, 'train'),
    await loadDataset(`table:${file}`, 'test'),
  ];
  const known = describeModel(perceptron(2, 16, 2), {
    normalise: { mean: [1000, 0], std: [500, 1] },
    classes: ['low', 'high'], // not the alphabetical order
  });
  const { model } = await fit(known, { ...options, train, validation, epochs: 15, learningRate: 0.1 });
  expect((await evaluate(model, validation)).accuracy).toBeGreaterThan(0.9);
  const prepared = await prepare(model, { calibration: train });
  const { answer, wires } = await debugLocal(prepared, pixels(validation, [0]), seededRng('debug'));
  expect(wires.every(({ wrong }) => wrong === 0)).toBe(true);
  expect(prepared.plan.classes![answer.label]).toBe(validation.classes[validation.labels[0]!]);
});

test.each<EngineName>(['onnxruntime', 'tfjs'])('300 classes, with %s', async (engine) => {
  // Row i has one 1, at i: whoever kept labels in bytes would learn 44 of them twice.
  const n = 300;
  const images = new Float32Array(n * n);
  for (let i = 0; i < n; i++) images[i * n + i] = 8;
  const classes = Array.from({ length: n }, (_, i) => String(i));
  const labels = labelsOf(n, classes.map(Number));
  const data: Dataset = { name: 'diagonal', classes, shape: [n], images, labels, n };
  const net = new NetworkBuilder('diagonal', [n], seededRng('diagonal'));
  const model = net.build(net.gemm('fc', net.input, n, n));
  const course = { ...options, batch: 50, epochs: 20, learningRate: 2, engine };
  const { model: trained } = await fit(model, { ...course, train: data, validation: data });
  const { accuracy, per_class } = await evaluate(trained, data);
  expect(accuracy).toBe(1);
  expect(per_class.every((row) => row.n === 1)).toBe(true);
});
