import { expect, test } from 'vitest';
import { activationKinds } from '../../../models/graph.ts';
import type { Model } from '../../../models/graph.ts';
import { tensor } from '../../../models/tensor.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { activationSteps, wireOf } from '../../../pipelines/plan/plan.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { mixed, residualNet } from '../../helpers/networks/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

const model = residualNet(seededRng(3));

async function scalesOf(of: Model, options: Partial<CompileOptions> = {}) {
  const calibration = { images: randomImages(model, 8, seededRng('images')), n: 8 };
  const { plan, ranges } = await prepare(of, { calibration, ...options });
  const scales = activationSteps(plan).map(({ node, output }) => [node, wireOf(plan, output).scale] as const);
  return { scales: new Map(scales), ranges };
}

/** The model with the first convolution's weights and biases times `factor`. */
function scaled(factor: number): Model {
  const weights = new Map(model.weights);
  for (const name of ['stem.weight', 'stem.bias']) {
    const { shape, data } = weights.get(name)!;
    weights.set(
      name,
      tensor(
        shape,
        data.map((w) => factor * w),
      ),
    );
  }
  return { ...model, weights };
}

test('ReLUs that are larger have a smaller scale, and so the same rounding beside them', async () => {
  const [usual, larger] = [await scalesOf(model), await scalesOf(scaled(16))];
  expect(larger.scales.get('stem.relu')).toBe(usual.scales.get('stem.relu')! / 16);
  const { meanSquares } = usual.ranges.get('stem.relu')!;
  const size = Math.sqrt(meanSquares.reduce((sum, square) => sum + square, 0) / meanSquares.length);
  // Half a unit is 2^-9 of the root mean square, up to the power of two.
  const rounding = 1 / 2 / usual.scales.get('stem.relu')! / size;
  expect(Math.abs(Math.log2(rounding) + 9)).toBeLessThanOrEqual(0.5);
});

test('a given precision does not follow the size', async () => {
  for (const of of [model, scaled(16)]) {
    expect((await scalesOf(of, { precision: 11 })).scales.get('stem.relu')).toBe(2 ** 11);
  }
});

test('squares keep the scale that their roots need, identities follow the ReLUs beside them', async () => {
  const { relu, identity, poly } = activationKinds;
  const squares = mixed(scaled(16), 'stem.relu', seededRng('mixed'), [relu, poly]);
  expect((await scalesOf(squares)).scales.get('stem.relu')).toBe(2 ** 12);
  const nodes = squares.graph.nodes.map((node) => {
    if (node.op !== 'MixedActivation') return node;
    const kinds = node.attributes.kinds.map((kind) => (kind === poly ? identity : kind));
    return { ...node, attributes: { kinds } };
  });
  const identities = { ...squares, graph: { ...squares.graph, nodes } };
  expect((await scalesOf(identities)).scales.get('stem.relu')).toBeLessThan(2 ** 10);
});
