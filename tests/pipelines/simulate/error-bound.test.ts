import { describe, expect, test } from 'vitest';
import { NetworkBuilder } from '../../../models/architectures/builder.ts';
import type { Model, Node } from '../../../models/graph.ts';
import { predict } from '../../../models/runtime/run.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import { logitErrorBound } from '../../../pipelines/simulate/error-bound.ts';
import { simulate } from '../../../pipelines/simulate/simulate.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { seededRng } from '../../helpers/rng.ts';

/** What the bound means for networks of clipped ReLUs, as MobileNetV2 has them. */
const n = 100;
const classes = 5;

/** `depth` convolutions, each with a ReLU that is clipped at `max`, and a fully connected layer. */
function chain(depth: number, max: number): Model {
  const net = new NetworkBuilder('chain', [4, 8, 8], seededRng('chain'));
  let x = net.input;
  for (let i = 0; i < depth; i++) {
    const sizes = { inChannels: i === 0 ? 4 : 8, channels: 8, kernel: 3, stride: 1 };
    x = net.relu(`relu${i}`, net.conv(`conv${i}`, x, sizes));
  }
  const model = net.build(net.gemm('fc', net.flatten('flatten', x), (depth === 0 ? 4 : 8) * 64, classes));
  if (max === Infinity) return model;
  const nodes = model.graph.nodes.map((node): Node => {
    return node.op === 'Relu' ? { ...node, op: 'Clip', attributes: { min: 0, max } } : node;
  });
  return { ...model, graph: { ...model.graph, nodes } };
}

async function prepared(model: Model, options: Partial<CompileOptions> = {}) {
  const images = randomImages(model, n, seededRng('images'));
  const made = await prepare(model, { calibration: { images, n }, weightBits: 7, ...options });
  return { made, images, float: await predict(model, images, n), bound: logitErrorBound(made) };
}

/** The largest error of a logit, and the root mean square of those of the logit where it is largest. */
async function errorsOf({ plan, weights }: Prepared, images: Float32Array, float: Float32Array) {
  const integer = await simulate(plan, weights, images, n, seededRng('shares'));
  const errors = float.map((y, i) => y - integer[i]!);
  const squares = new Float64Array(classes);
  errors.forEach((e, i) => (squares[i % classes]! += e * e));
  return {
    largest: errors.reduce((most, e) => Math.max(most, Math.abs(e)), 0),
    deviation: Math.sqrt(Math.max(...squares) / n),
  };
}

describe('clips from 0', () => {
  test('pass on the share of an error that ReLUs do: the bound of a deep network grows no faster', async () => {
    for (const depth of [2, 12]) {
      const [relus, clips] = [await prepared(chain(depth, Infinity)), await prepared(chain(depth, 100))];
      // Nothing is as large as 100, so that both compute the same. Each of a clip's two parts is rounded.
      expect(clips.float).toEqual(relus.float);
      expect(clips.bound.likely).toBeGreaterThan(relus.bound.likely);
      expect(clips.bound.likely).toBeLessThan(1.05 * relus.bound.likely);
    }
  });

  test.each([2, 12])('%i of them: the errors of 100 images are within a bound of use', async (depth) => {
    const { made, images, float, bound } = await prepared(chain(depth, 2));
    const { largest, deviation } = await errorsOf(made, images, float);
    expect(largest).toBeLessThan(bound.likely);
    expect(deviation).toBeLessThan(bound.likely / 6);
    // Not by far, with the largest of its terms from the image on which they are largest.
    expect(deviation).toBeGreaterThan(bound.likely / 6 / 2.5);
  });
});

test('twice the rounding in one layer is noticed where the bound is tight', async () => {
  // Weights of 14 bits: the errors are those of the one layer of ReLUs.
  const [given, coarser] = [
    await prepared(chain(1, Infinity), { weightBits: 14, precision: 7 }),
    await prepared(chain(1, Infinity), { weightBits: 14, precision: 6 }),
  ];
  const deviationOf = async ({ made, images, float }: typeof given) =>
    (await errorsOf(made, images, float)).deviation;
  expect(await deviationOf(given)).toBeLessThan(given.bound.likely / 6);
  expect(await deviationOf(coarser)).toBeGreaterThan(given.bound.likely / 6);
});
