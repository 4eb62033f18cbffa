import { expect, test } from 'vitest';
import type { Model } from '../../models/graph.ts';
import { predict } from '../../models/run.ts';
import { prepare } from '../../pipelines/compile.ts';
import type { CompileOptions } from '../../pipelines/compile.ts';
import { logitErrorBound } from '../../pipelines/quantise-error.ts';
import { simulate } from '../../pipelines/simulate.ts';
import { seededRng } from '../helpers/rng.ts';
import { mixedNet, randomImages, residualNet } from './small-nets.ts';

async function errors(model: Model, options: Partial<CompileOptions> = {}) {
  const n = 40;
  const images = randomImages(model, n, seededRng('images'));
  const prepared = await prepare(model, { calibration: { images, n }, ...options });
  const [float, integer] = [
    await predict(model, images, n),
    await simulate(prepared.plan, prepared.weights, images, n, seededRng('shares')),
  ];
  const largest = float.reduce((worst, y, i) => Math.max(worst, Math.abs(y - integer[i]!)), 0);
  return { largest, bound: logitErrorBound(model, prepared), float, integer, prepared };
}

test.each([
  ['ReLUs', residualNet],
  ['mixed activations', mixedNet],
])(
  'logits of a residual net with %s are within both derived bounds of the float model',
  async (_name, build) => {
    const { largest, bound } = await errors(build(seededRng(1)));
    console.log(largest, bound);
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThan(bound.likely);
    expect(bound.likely).toBeLessThan(bound.worst);
  },
);
