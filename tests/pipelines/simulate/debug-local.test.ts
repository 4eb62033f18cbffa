import { expect, test } from 'vitest';
import type { Model } from '../../../models/graph.ts';
import { predict } from '../../../models/runtime/run.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { debugLocal } from '../../../pipelines/simulate/debug-local.ts';
import { keptBits } from '../../../pipelines/plan/answer.ts';
import { wireOf } from '../../../pipelines/plan/plan.ts';
import { logitErrorBound } from '../../../pipelines/simulate/error-bound.ts';
import { seededRng } from '../../helpers/rng.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { mixedNet, piecewiseNet } from '../../helpers/networks/networks.ts';

async function prepared(model: Model) {
  const images = randomImages(model, 16, seededRng('images'));
  const made = await prepare(model, { calibration: { images, n: 16 } });
  return { made, image: images.slice(0, images.length / 16) };
}

test('every wire is the protocol’s integers and close to the float value it carries', async () => {
  const model = piecewiseNet(seededRng(7));
  const { made, image } = await prepared(model);
  const { answer, wires } = await debugLocal(made, image, seededRng('debug'));
  expect(wires).toHaveLength(made.plan.steps.length + 1);
  expect(wires.filter(({ wrong }) => wrong > 0)).toEqual([]);
  for (const { error, largest, node } of wires) {
    if (error !== null) expect(error, node).toBeLessThan(0.02 * Math.max(1, largest!));
  }
  const carriers = wires.filter(({ error }) => error !== null).map(({ node }) => node);
  for (const name of ['image', 'stem', 'leaky', 'conv', 'clip', 'average', 'fc']) {
    expect(carriers).toContain(name);
  }
  expect(carriers.filter((name) => name.startsWith('max/'))).toHaveLength(1);
  const float = await predict(model, image, 1);
  const last = Math.max(...answer.logits!.map((y, i) => Math.abs(y - float[i]!)));
  // The wire is exact, and of the logits' bits the lowest stay at the server.
  const opening = 2 ** (keptBits(made.plan) - 1) / wireOf(made.plan, made.plan.output.wire).scale;
  expect(Math.abs(wires.at(-1)!.error! - last)).toBeLessThan(opening + 1e-6);
  expect(last).toBeLessThan(logitErrorBound(made).likely);
});

test('a weight of the wrong sign shows at its layer and not before', async () => {
  const model = mixedNet(seededRng(7));
  const { made, image } = await prepared(model);
  const step = made.plan.steps.find(({ node }) => node === 'block2.conv1')!;
  const { weights } = made.weights.get(step.id)!;
  weights.set(weights.map((w) => -w));
  const { wires } = await debugLocal(made, image, seededRng('debug'));
  expect(wires.every(({ wrong }) => wrong === 0)).toBe(true);
  const relative = (name: string) => {
    const { error, largest } = wires.find(({ node }) => node === name)!;
    return error! / largest!;
  };
  expect(relative('block1.conv2')).toBeLessThan(0.05);
  expect(relative('block2.conv1')).toBeGreaterThan(1);
});
