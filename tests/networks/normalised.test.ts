import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDataset } from '../../models/data/dataset.ts';
import { loadModel } from '../../models/files/read.ts';
import { describeModel } from '../../models/passes/describe-model.ts';
import { predictClasses } from '../../models/train/evaluate.ts';
import { cli, cliJson } from '../helpers/processes/cli.ts';

// A network that PyTorch trained on pictures which torchvision's Normalize went over with ImageNet's numbers.
// tests/fixtures/torchvision/normalised.py made it, its pictures and PyTorch's answers.
const folder = join(import.meta.dirname, '../fixtures/torchvision/normalised');
const args = [join(folder, 'network.onnx'), '--data', `npz:${join(folder, 'pictures.npz')}`] as const;
const there = JSON.parse(readFileSync(join(folder, 'answers.json'), 'utf8')) as {
  accuracy: number;
  predictions: number[];
};

test('one flag gives the accuracy that PyTorch has, and its answer to every picture', async () => {
  const command = ['evaluate', ...args, '--normalise', 'imagenet', '--private'];
  const found = await cliJson<{ accuracy: number; private: { agree: number } }>(command);
  expect(found.accuracy).toBe(there.accuracy);
  expect(found.private.agree).toBeGreaterThanOrEqual(0.99 * there.predictions.length);
  const model = describeModel(await loadModel(args[0]), { normalise: 'imagenet' });
  const test = await loadDataset(args[2], 'test');
  expect([...(await predictClasses(model, test, test.n))]).toEqual(there.predictions);
});

test('without it the network is right less than half as often, far from chance, and the flag is named', async () => {
  const { code, stderr } = await cli(['evaluate', ...args]);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /nothing says what the model's pixels are.* has 8\d\.\d % with --normalise imagenet and \d\d\.\d % without/,
  );
  expect((await cli(['evaluate', ...args, '--normalise', 'imagenet'])).stderr).not.toMatch(/warning/);
});
