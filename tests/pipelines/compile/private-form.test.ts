import { expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import type { Model } from '../../../models/graph.ts';
import { readModel } from '../../../models/files/read.ts';
import { forInference } from '../../../models/passes/index.ts';
import { predict } from '../../../models/runtime/run.ts';
import { calibrate } from '../../../pipelines/compile/calibrate.ts';
import { compile, publicPart } from '../../../pipelines/compile/compile.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import { privateForm } from '../../../pipelines/compile/private-form.ts';
import { logitErrorBound } from '../../../pipelines/simulate/error-bound.ts';
import { simulate } from '../../../pipelines/simulate/simulate.ts';
import { floats, rawModel } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

const n = 8;

/** x [8, 12, 12], a 3 x 3 convolution to `middle` channels and a 1 x 1 one back to `out`, a ReLU, a sum. */
function twoConvolutions(middle: number, out: number): Model {
  const weight = (name: string, shape: number[]) => {
    const { data, ...rest } = floats(name, shape);
    return { ...rest, data: data.map((w) => w / Math.sqrt(8 * middle)) };
  };
  const node = (op: string, inputs: string[], output: string) => ({
    ...{ op, name: output, inputs, outputs: [output] },
    attributes: {},
  });
  const nodes = [
    { ...node('Conv', ['x', 'a', 'ab'], 'h'), attributes: { pads: { ints: [1, 1, 1, 1] } } },
    node('Conv', ['h', 'b'], 'z'),
    node('Relu', ['z'], 'r'),
    node('GlobalAveragePool', ['r'], 'p'),
    node('Flatten', ['p'], 'y'),
  ];
  const weights = [weight('a', [middle, 8, 3, 3]), weight('ab', [middle]), weight('b', [out, middle, 1, 1])];
  return readModel(rawModel(['N', 8, 12, 12], nodes, weights, 2), 'two.onnx');
}

const images = normals(n * 8 * 144, seededRng('images'));
const calibration = { images, n };

test('a dropped ReLU leaves one convolution: fewer products, bytes and waits, the same answers', async () => {
  const model = twoConvolutions(8, 8);
  const merged = privateForm(model);
  expect(merged.graph.nodes.map(({ op }) => op)).toEqual(['Conv', 'Relu', 'GlobalAveragePool', 'Flatten']);
  const unmerged = forInference(model);
  const two = compile(unmerged.graph, await calibrate(unmerged, calibration), publicPart(unmerged));
  const one = await prepare(model, { calibration });
  const [before, after] = [predictCost(two), predictCost(one.plan)];
  const products = (cost: typeof before) => cost.steps.reduce((sum, step) => sum + step.products, 0);
  expect(products(after)).toBeLessThan(products(before));
  expect(after.offline.bytes_up).toBeLessThan(before.offline.bytes_up);
  expect(after.offline.bytes_down).toBeLessThan(before.offline.bytes_down);
  expect(after.rounds).toBeLessThanOrEqual(before.rounds);
  const answers = await simulate(one.plan, one.weights, images, n, seededRng('shares'));
  const float = await predict(model, images, n);
  const { likely } = logitErrorBound(one);
  answers.forEach((y, i) => expect(Math.abs(y - float[i]!)).toBeLessThan(likely));
});

test('a narrow middle stays: the merged layer would have more products', () => {
  const model = twoConvolutions(1, 256);
  expect(privateForm(model).graph.nodes.filter(({ op }) => op === 'Conv')).toHaveLength(2);
});

test('a layer of identities costs no round trip', async () => {
  const model = twoConvolutions(8, 8);
  const relu = model.graph.nodes.find(({ op }) => op === 'Relu')!;
  const kinds = new Uint8Array(8 * 144);
  const zeros = { shape: [8], data: new Float32Array(8) };
  const mixed = {
    graph: {
      ...model.graph,
      nodes: model.graph.nodes.map((node) =>
        node === relu
          ? {
              ...{ op: 'MixedActivation' as const, name: relu.name, outputs: relu.outputs },
              ...{ inputs: [relu.inputs[0]!, 'c2', 'c1', 'c0'], attributes: { kinds } },
            }
          : node,
      ),
    },
    weights: new Map([...model.weights, ['c2', zeros], ['c1', zeros], ['c0', zeros]]),
  };
  const { plan } = await prepare(mixed, { calibration });
  expect(plan.steps.map(({ kind }) => kind)).toEqual(['linear', 'sumPool', 'reshape']);
  expect(predictCost(plan).rounds).toBe(1);
});
