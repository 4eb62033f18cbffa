import { expect, test } from 'vitest';
import { NetworkBuilder } from '../../../models/architectures/builder.ts';
import { readModel } from '../../../models/files/read.ts';
import { writeModel } from '../../../models/files/write.ts';
import type { Model, Node } from '../../../models/graph.ts';
import { twoLogits } from '../../../models/passes/two-logits.ts';
import { predict } from '../../../models/runtime/run.ts';
import { evaluate } from '../../../models/train/evaluate.ts';
import { fit } from '../../../models/train/fit.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { simulate } from '../../../pipelines/simulate/simulate.ts';
import { bars, randomImages } from '../../helpers/data/data.ts';
import { seededRng } from '../../helpers/rng.ts';

/** A network for 1 x 8 x 8 images with one logit, and what comes behind its last layer. */
function oneLogit(tail: readonly ('Identity' | 'Sigmoid' | 'Relu')[] = []): Model {
  const net = new NetworkBuilder('binary', [1, 8, 8], seededRng('binary'));
  const conv = net.conv('conv', net.input, { inChannels: 1, channels: 4, kernel: 3, stride: 2 });
  const hidden = net.relu('relu', net.gemm('hidden', net.flatten('flatten', net.relu('first', conv)), 64, 8));
  const model = net.build(net.gemm('fc', hidden, 8, 1));
  model.weights.get('fc.bias')!.data[0] = 0.25;
  const ends = tail.map((op, i): Node => ({
    op,
    name: `tail${i}`,
    inputs: [i === 0 ? 'fc' : `tail${i - 1}`],
    outputs: [`tail${i}`],
    attributes: {},
  }));
  const name = tail.length === 0 ? 'fc' : `tail${tail.length - 1}`;
  const graph = { ...model.graph, nodes: [...model.graph.nodes, ...ends], outputs: [{ name, shape: [1] }] };
  return { ...model, graph };
}

const n = 20;
const images = randomImages(oneLogit(), n, seededRng('images'));

test.each([
  ['a layer', []],
  ['a layer and an Identity', ['Identity'] as const],
  ['an activation', ['Relu'] as const],
])('%s: the two logits are 0 and z', async (_title, tail) => {
  const model = oneLogit(tail);
  const one = await predict(model, images, n);
  const two = await predict(twoLogits(model), images, n);
  one.forEach((z, i) => {
    expect(two[2 * i]).toBeCloseTo(0, 12);
    expect(two[2 * i + 1]).toBeCloseTo(z, 5);
  });
  expect(one.some((z) => z > 0.01)).toBe(true);
});

test('a file with one logit, also behind a Sigmoid, is read with two; one with more is left alone', async () => {
  const one = await predict(oneLogit(), images, n);
  for (const tail of [[], ['Sigmoid'] as const]) {
    const read = readModel(writeModel(oneLogit(tail)), 'binary.onnx');
    expect(read.graph.outputs[0]!.shape).toEqual([2]);
    const two = await predict(read, images, n);
    one.forEach((z, i) => expect(two[2 * i + 1]! > two[2 * i]!).toBe(z > 0));
    expect(twoLogits(read)).toBe(read);
  }
});

test('it trains, evaluates and answers privately as two classes', async () => {
  const of = (count: number, seed: number) => {
    const { images, labels, ...rest } = bars(count, seed);
    return {
      ...rest,
      images,
      labels: labels.map((label) => Math.min(label, 1)),
      classes: ['standing', 'other'],
    };
  };
  const [train, test] = [of(240, 1), of(90, 2)];
  const model = twoLogits(oneLogit());
  const options = { epochs: 12, batch: 16, learningRate: 0.05, seed: 1, threads: 1, augment: false };
  const { model: trained } = await fit(model, { ...options, train, validation: test });
  expect((await evaluate(trained, test)).accuracy).toBeGreaterThan(0.9);
  const prepared = await prepare(trained, { calibration: train });
  expect(prepared.plan.classes).toEqual(['standing', 'other']);
  const clear = await predict(trained, images, n);
  const logits = await simulate(prepared.plan, prepared.weights, images, n, seededRng('shares'));
  clear.forEach((value, i) => expect(Math.abs(logits[i]! - value)).toBeLessThan(0.1));
});
