import { beforeAll, expect, test } from 'vitest';
import { resnet } from '../../models/architectures/resnet.ts';
import { loadDataset, pixels, subset } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { firstOfEachClass } from '../../models/data/splits.ts';
import { activationKinds } from '../../models/graph.ts';
import type { Model } from '../../models/graph.ts';
import { forInference } from '../../models/passes/index.ts';
import { predict } from '../../models/runtime/run.ts';
import { fit } from '../../models/train/fit.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { simulate } from '../../pipelines/simulate/simulate.ts';
import { seededRng } from '../helpers/rng.ts';
import { mixed } from '../helpers/networks/networks.ts';

let trained: Model;
let tested: Dataset;

/**
 * Two epochs of a residual net with BatchNormalization on 2,000 real images: enough to be right most of the
 * time.
 */
beforeAll(async () => {
  const train = firstOfEachClass(await loadDataset('fashion-mnist-part', 'train'), 200);
  tested = firstOfEachClass(await loadDataset('fashion-mnist-part', 'test'), 20);
  const sizes = { inChannels: 1, size: 28, classes: 10, widths: [8, 16], blocks: [1, 1], stemStride: 2 };
  const model = resnet({ name: 'small', ...sizes, stemRelu: true }, seededRng(1));
  const options = { epochs: 2, batch: 50, learningRate: 0.1, augment: false, seed: 1, threads: 1 };
  ({ model: trained } = await fit(model, { train, validation: subset(tested, [0, 1, 2, 3]), ...options }));
});

test('images like those of the training give no warning, others do', async () => {
  const images = pixels(tested);
  const { n } = tested;
  const warningsOf = async (images: Float32Array) =>
    (await prepare(trained, { calibration: { images, n } })).calibration.warnings;
  expect(await warningsOf(images)).toEqual([]);
  expect(await warningsOf(images.map((pixel) => pixel / 10))).toEqual([
    expect.stringMatching(/^node stem\.bn: /),
  ]);
});

test.each<[string, (model: Model) => Model, number]>([
  ['with ReLUs', (model) => model, 0.6],
  [
    'with a layer of ReLUs and identities',
    (model) =>
      mixed(model, 'stage1.block0.relu1', seededRng(2), [activationKinds.relu, activationKinds.identity]),
    0.15,
  ],
])(
  'a trained net %s: the private logits pick the classes of the float ones',
  async (_name, change, accuracy) => {
    const model = forInference(change(trained));
    const images = pixels(tested);
    const n = tested.labels.length;
    // Calibrated on every other image: the rest is new to the plan.
    const half = pixels(
      tested,
      Array.from({ length: n / 2 }, (_, i) => 2 * i),
    );
    const prepared = await prepare(model, { calibration: { images: half, n: n / 2 } });
    const float = await predict(model, images, n);
    const integer = await simulate(prepared.plan, prepared.weights, images, n, seededRng('shares'));
    const { likely } = logitErrorBound(prepared);
    let [agreed, right] = [0, 0];
    for (let i = 0; i < n; i++) {
      const [a, b] = [float, integer].map((logits) => logits.subarray(10 * i, 10 * (i + 1)));
      a!.forEach((y, k) => expect(Math.abs(y - b![k]!)).toBeLessThan(likely));
      const label = b!.indexOf(Math.max(...b!));
      if (label === a!.indexOf(Math.max(...a!))) agreed++;
      if (label === tested.labels[i]) right++;
    }
    expect(agreed / n).toBeGreaterThan(0.97);
    // Without fine-tuning the dropped ReLUs cost most of the accuracy, in float as in private.
    expect(right / n).toBeGreaterThan(accuracy);
  },
);
