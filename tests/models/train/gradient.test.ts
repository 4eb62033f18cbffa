import { expect, test } from 'vitest';
import { pixels } from '../../../models/data/dataset.ts';
import { seededUniform } from '../../../models/data/seeded.ts';
import { meanOver, sampleScores } from '../../../models/fairness/metrics.ts';
import { forInference } from '../../../models/passes/index.ts';
import { predict } from '../../../models/runtime/run.ts';
import { LossGradient } from '../../../models/train/gradient.ts';
import { unpack } from '../../../models/train/parameters.ts';
import { ModelError } from '../../../src/shared/errors.ts';
import { bars } from '../../helpers/data/data.ts';
import { barResnet } from '../../helpers/networks/networks.ts';

const n = 70; // more than one call of the runtime, the last one not full
const data = bars(n, 5);
const labelled = { images: pixels(data), labels: data.labels };

test('the gradient along random directions is that of the mean loss of the evaluated network', async () => {
  const model = forInference(barResnet());
  const gradient = await LossGradient.create(model, { batch: 50, threads: 1 });
  const point = gradient.parameters();
  const found = await gradient.at(point, labelled);
  const lossAt = async (parameters: Float32Array): Promise<number> => {
    const weights = unpack(gradient.layout, parameters);
    const logits = await predict({ ...model, weights }, labelled.images, n, { threads: 1 });
    const scores = sampleScores.crossEntropy({ logits, classes: 3, labels: data.labels });
    return meanOver(scores, [...scores.keys()]);
  };
  const uniform = seededUniform(2);
  for (let direction = 0; direction < 3; direction++) {
    const v = found.map((value) => value + 0.2 * (uniform() - 0.5)); // not nearly orthogonal to the gradient
    const along = async (h: number) => {
      const [ahead, behind] = [h, -h].map((by) => point.map((value, i) => value + by * v[i]!));
      return ((await lossAt(ahead!)) - (await lossAt(behind!))) / (2 * h);
    };
    const h = 2 ** -11;
    const [fine, coarse] = [await along(h), await along(2 * h)];
    const expected = found.reduce((sum, value, i) => sum + value * v[i]!, 0);
    // Truncation, thrice where no ReLU turns; rounding of float32 losses, each below 8; ReLUs that turn, by what the steps differ.
    const tolerance = 2 * Math.abs(fine - coarse) + (8 * 2 ** -23) / h;
    expect(Math.abs(fine - expected)).toBeLessThan(tolerance);
    expect(Math.abs(fine + expected)).toBeGreaterThan(20 * tolerance);
  }
  await gradient.release();
});

test('a batch normalisation that is left is refused', async () => {
  await expect(LossGradient.create(barResnet(), { batch: 5 })).rejects.toThrow(ModelError);
});
