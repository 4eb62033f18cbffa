import { join } from 'node:path';
import { expect, test } from 'vitest';
import { normals } from '../../models/architectures/init.ts';
import { sizeOf } from '../../models/tensor.ts';
import { loadModel } from '../../models/files/read.ts';
import { TrainingEngine } from '../../models/train/engines/onnxruntime/engine.ts';
import { adamW } from '../../models/train/optimizers.ts';
import { seededRng } from '../helpers/rng.ts';

/**
 * See torchvision.test.ts: every op and activation that these networks hold has a gradient that leads
 * downhill.
 */
const folder = join(import.meta.dirname, '../fixtures/torchvision');
const names = [
  'resnet',
  'vgg-bn',
  'mobilenet-v2',
  'mobilenet-v3',
  'efficientnet',
  'densenet',
  'squeezenet',
  'habits',
];
const steps = 40;

test.each(names)('%s learns ten images by heart', async (name) => {
  const model = await loadModel(join(folder, `${name}.onnx`));
  const n = 10;
  const images = normals(n * sizeOf(model.graph.inputs[0]!.shape), seededRng(1));
  const labels = Uint8Array.from({ length: n }, (_, i) => i);
  const optimizer = adamW({ weightDecay: 0 });
  const engine = await TrainingEngine.create(model, { batch: n, optimizer }, { threads: 1 });
  try {
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) losses.push((await engine.run({ images, labels }, 0.01)).loss);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses.at(-1)!).toBeLessThan(0.9 * losses[0]!);
    // Running statistics and what a dead ReLU feeds may stay.
    const moved = [...engine.model().weights].filter(([key, { data }]) => {
      const before = model.weights.get(key)!.data;
      return data.some((v, i) => v !== before[i]);
    });
    expect(moved.length).toBeGreaterThan(0.9 * model.weights.size);
  } finally {
    await engine.release();
  }
});
