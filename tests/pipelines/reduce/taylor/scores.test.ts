import { expect, test } from 'vitest';
import { seededUniform } from '../../../../models/data/seeded.ts';
import type { Model, PolynomialForm } from '../../../../models/graph.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { tensor } from '../../../../models/tensor.ts';
import { gradientTerms } from '../../../../models/train/activation-gradients.ts';
import { gateWeights, withGates } from '../../../../pipelines/reduce/gates/gates.ts';
import { layerStates } from '../../../../pipelines/reduce/gates/layer-states.ts';
import type { LabelledSample } from '../../../../pipelines/reduce/polynomials/training-sample.ts';
import { costsBy } from '../../../../pipelines/reduce/taylor/costs.ts';
import {
  layerTerms,
  layerWeights,
  scoresOf,
  taylorScores,
} from '../../../../pipelines/reduce/taylor/scores.ts';
import { mixedNet } from '../../../helpers/networks/networks.ts';
import { seededRng } from '../../../helpers/rng.ts';

/** Two logits, each a gated ReLU of one of the image's two numbers. */
function twoReluNet(replacement: PolynomialForm, [c2, c1, c0]: readonly [number, number, number]): Model {
  const { gate, ...names } = gateWeights('relu');
  const each = (value: number) => tensor([2], Float32Array.of(value, value));
  const nodes: Model['graph']['nodes'] = [
    {
      op: 'GatedActivation',
      name: 'relu',
      inputs: ['x', gate, names.c2, names.c1, names.c0],
      outputs: ['y'],
      attributes: { replacement },
    },
    { op: 'Flatten', name: 'flat', inputs: ['y'], outputs: ['logits'], attributes: { axis: 1 } },
  ];
  const graph = {
    name: 'two ReLUs',
    inputs: [{ name: 'x', shape: [2, 1, 1] }],
    outputs: [{ name: 'logits', shape: [2] }],
    nodes,
  };
  const weights = new Map([
    [gate, tensor([2, 1, 1], Float32Array.of(1, 1))],
    [names.c2, each(c2)],
    [names.c1, each(c1)],
    [names.c0, each(c0)],
  ]);
  return { graph, weights };
}

// An image (1, -2) of class 0 gives the logits (1, 0), whose softmax is (s, 1 - s). The teacher gives the same
// logits, so the loss's gradients are (s - 1, 1 - s).
const s = 1 / (1 + Math.exp(-1));
const g = 1 - s;
const image = { images: Float32Array.of(1, -2), labels: [0], teacher: Float32Array.of(1, 0) };

test('an identity changes only negative inputs: first order g |x|, second g^2 x^2 / 2', async () => {
  const scores = await taylorScores(twoReluNet('identity', [0, 1, 0]), image, { threads: 1 });
  const [positive, negative] = scores.get('relu')!;
  expect(positive).toBe(0);
  expect(negative).toBeCloseTo(g * 2 + 0.5 * g ** 2 * 4, 5);
});

test('a polynomial changes the output by p(x) - relu(x), and a score counts by the share of negative inputs', async () => {
  // p(x) = 0.5 x^2 + x + 0.25: for x = 1 and -2 it is 1.75 and 0.25, ReLUs give 1 and 0
  const net = twoReluNet('quadratic', [0.5, 1, 0.25]);
  const two = { images: Float32Array.of(1, -2, 1, 2), labels: [0, 0], teacher: Float32Array.of(1, 0, 1, 2) };
  // the second image's logits are (1, 2), so its gradients are larger: (-s, s); p(2) is 4.25, 2.25 more than 2
  const scores = await taylorScores(net, two, { threads: 1 });
  const [first, second] = scores.get('relu')!;
  expect(first).toBe(0); // never negative
  const order1 = (g * 0.25 + s * 2.25) / 2;
  const order2 = (((g ** 2 + s ** 2) / 2) * (0.25 ** 2 + 2.25 ** 2)) / 2 / 2;
  expect(second).toBeCloseTo((order1 + order2) * 0.5, 5);
});

test('the score is the weighted sum of both orders times the share of negative inputs', () => {
  const one = (value: number) => Float64Array.of(value);
  const terms = {
    first: one(3),
    squaredGradient: one(4),
    squaredChange: one(5),
    negative: one(0.25),
    norm: one(9),
  };
  expect([...scoresOf(terms, 2)]).toEqual([2 * (3 + 0.5 * 4 * 5) * 0.25]);
});

test("a layer's weight is its gradient's norm times its root mean square, more for depth, between 0.1 and 1.1", () => {
  const layer = (norm: number, square: number) => ({
    norm: Float64Array.of(norm),
    squaredGradient: Float64Array.of(square, square),
    first: new Float64Array(2),
    squaredChange: new Float64Array(2),
    negative: new Float64Array(2),
  });
  // 2 * 3 * 1 = 6, 1 * 1 * 1.1 = 1.1, 2 * 2 * 1.2 = 4.8
  const weights = layerWeights([layer(2, 9), layer(1, 1), layer(2, 4)]);
  const expected = [1.1, 0.1, 0.1 + (4.8 - 1.1) / (6 - 1.1)];
  weights.forEach((weight, l) => expect(weight).toBeCloseTo(expected[l]!, 10));
  expect(layerWeights([layer(2, 9)])).toEqual([1]);
});

const uniform = seededUniform(4);
const model = mixedNet(seededRng('taylor'));
const { shape } = model.graph.inputs[0]!;
const classes = model.graph.outputs[0]!.shape[0]!;
const size = shape.reduce((a, b) => a * b, 1);

/** The loss of one image of class 1 with a teacher whose logits are 0. */
function lossOf(logits: Float32Array): number {
  const temperature = 4;
  const logSoftmax = (values: readonly number[]) => {
    const norm = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
    return values.map((value) => value - norm);
  };
  const soft = logSoftmax([...logits].map((value) => value / temperature));
  const divergence = soft.reduce((sum, value) => sum + (-Math.log(classes) - value) / classes, 0);
  return temperature ** 2 * divergence - logSoftmax([...logits])[1]!;
}

test('the first order is what a small part of each replacement changes of the loss', async () => {
  const sample = { images: Float32Array.from({ length: size }, () => uniform()), n: 1, threads: 1 };
  const layers = await layerStates(model, { granularity: 'pixel', replacement: 'quadratic', sample });
  const last = layers.at(-1)!;
  const gated = withGates(model, [last], {}, ({ open }) => Float32Array.from(open));
  const { gate } = gateWeights(last.layer);
  const lossAt = async (element: number, alpha: number) => {
    const alphas = Float32Array.from(last.open).with(element, alpha);
    const weights = new Map(gated.weights).set(gate, tensor(gated.weights.get(gate)!.shape, alphas));
    return lossOf(await predict({ ...gated, weights }, sample.images, 1, { threads: 1 }));
  };
  const taught = { images: sample.images, labels: [1], teacher: new Float32Array(classes) };
  const terms = await gradientTerms(gated, taught, {
    ...{ layers: [last.layer], terms: layerTerms, threads: 1 },
    distill: { temperature: 4, weight: 1 },
  });
  const { first, squaredGradient, squaredChange } = terms.get(last.layer)!;
  const h = 0.25;
  for (const element of [0, 5, 17, 40, 99]) {
    const [more, less] = [await lossAt(element, 1 + h), await lossAt(element, 1 - h)];
    expect(Math.abs(more - less) / (2 * h)).toBeCloseTo(first[element]!, 4);
    // for one image both factors of the second order are exact
    expect(Math.sqrt(squaredGradient[element]! * squaredChange[element]!)).toBeCloseTo(first[element]!, 6);
  }
  expect(Math.max(...first)).toBeGreaterThan(1e-3);
});

test('elements that are not ReLUs have no cost, and layers without ReLUs no entry', async () => {
  const images = Float32Array.from({ length: 4 * size }, () => uniform());
  const sample: LabelledSample = { images, n: 4, labels: Uint32Array.of(0, 1, 0, 1), threads: 1 };
  const layers = model.graph.nodes.filter(({ op }) => op === 'MixedActivation').map(({ name }) => name);
  const ranked = { model, layers, sample, replacement: 'quadratic' } as const;
  const [byTaylor, byDivergence] = [await costsBy.taylor(ranked), await costsBy.divergence(ranked)];
  expect([...byTaylor.keys()]).toEqual([...byDivergence.keys()]);
  for (const [layer, costs] of byDivergence)
    expect([...byTaylor.get(layer)!].map((cost) => cost === Infinity)).toEqual(
      [...costs].map((cost) => cost === Infinity),
    );
});
