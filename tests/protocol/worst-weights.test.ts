import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HeClient } from '../../crypto/he/linear.ts';
import type { HeServer } from '../../crypto/he/linear.ts';
import { loadRing } from '../../crypto/ring/kernels.ts';
import { inputElements } from '../../crypto/spec.ts';
import type { LinearSpec } from '../../crypto/spec.ts';
import { linearFaultRate } from '../../crypto/steps/linear.ts';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { loadDataset } from '../../models/data/dataset.ts';
import { loadModel } from '../../models/files/read.ts';
import { servedPlan } from '../../pipelines/compile/served-plan.ts';
import { randomWords } from '../../src/shared/random.ts';
import { convolution, weightCount } from '../helpers/protocol/convolution.ts';
import { heServerOf } from '../helpers/protocol/he.ts';
import { seededRng } from '../helpers/rng.ts';
import { sixSigma, trialsZ } from '../helpers/statistics.ts';
import { expectWithinOne } from '../helpers/protocol/within-one.ts';

/**
 * Answers of linear layers are right, and as often one unit off, whatever the weights: no weights that a step allows
 * bring noise that shows.
 */
const rng = seededRng('worst weights');
const ring = await loadRing();
const pool = new ThreadPool(2);
let client: HeClient;
let server: HeServer;

beforeAll(async () => {
  client = await HeClient.create(pool);
  server = await heServerOf(client, rng, pool);
});
afterAll(() => pool.close());

/** The faults of one exchange on a uniform input. Throws where an output is off by more than one unit. */
async function faultsOf(spec: LinearSpec, id: string, weights: Int32Array): Promise<number> {
  const input = randomWords(rng, inputElements(spec));
  const { response, shares } = await server.respond(spec, id, weights, await client.encrypt(spec, input));
  const own = await client.decrypt(spec, response);
  const sum = own.map((word, i) => word + shares[i]!);
  return expectWithinOne(sum, ring.conv(spec, weights, input), id);
}

/** The largest weights that a step allows: of one sign, of the other, and of both at random. */
function worstWeights(spec: LinearSpec): Readonly<Record<string, Int32Array>> {
  const limit = 2 ** spec.weightBits - 1;
  const signs = rng.bytes(weightCount(spec));
  return {
    'all above zero': new Int32Array(signs.length).fill(limit),
    'all below zero': new Int32Array(signs.length).fill(-limit),
    'either sign': Int32Array.from(signs, (byte) => (byte & 1 ? limit : -limit)),
  };
}

const plan = await servedPlan(await loadModel('zoo:fashion-resnet8'), {
  calibration: await loadDataset('fashion-mnist-part', 'train'),
});
const layers = plan.steps.flatMap((step) => (step.kind === 'linear' ? [step] : []));

test.each(layers.map(({ node, spec }) => [node, spec] as const))(
  'the largest weights that layer %s of the zoo network allows give right answers',
  async (node, spec) => {
    for (const [signs, weights] of Object.entries(worstWeights(spec))) {
      await faultsOf(spec, `${node}, ${signs}`, weights);
    }
  },
);

test('these are all layers of the network, of several shapes', () => {
  expect(layers.length).toBeGreaterThan(7);
  const shapes = new Set(
    layers.map(({ spec: { kernel, strides, height } }) => [...kernel, ...strides, height].join()),
  );
  expect(shapes.size).toBeGreaterThan(4);
});

describe('shares are one unit off as often', () => {
  const spec = { ...convolution(32, 64, 64, 3), weightBits: 10 };
  const elements = 64 * 64 * 64;
  const rate = Array.from({ length: elements }, () => linearFaultRate);
  const counts = new Map<string, number>();
  const kinds = { zero: new Int32Array(weightCount(spec)), ...worstWeights(spec) };

  test.each(Object.entries(kinds))('with weights that are %s', async (kind, weights) => {
    const faults = await faultsOf(spec, `faults, ${kind}`, weights);
    counts.set(kind, faults);
    expect(Math.abs(trialsZ(faults, rate))).toBeLessThan(sixSigma);
  });

  test('with zero weights as with dense ones: the difference is chance', () => {
    // Two counts of independent trials: their difference has twice the variance of each.
    const deviation = Math.sqrt(2 * elements * linearFaultRate * (1 - linearFaultRate));
    const [zero, ...dense] = [...counts.values()];
    expect(dense).toHaveLength(3);
    for (const faults of dense) expect(Math.abs(faults - zero!) / deviation).toBeLessThan(sixSigma);
    // A rate of zero weights a tenth lower would not pass.
    expect((0.1 * elements * linearFaultRate) / deviation).toBeGreaterThan(sixSigma);
  });
});
