import { InferenceSession, Tensor } from '../../../models/runtime/onnxruntime.ts';
import { describe, expect, test } from 'vitest';
import { pixels } from '../../../models/data/dataset.ts';
import { seededUniform } from '../../../models/data/seeded.ts';
import { GraphBuilder } from '../../../models/onnx/graph-builder.ts';
import { sizeOf } from '../../../models/tensor.ts';
import { createEngine } from '../../../models/train/engines/index.ts';
import { TrainingEngine } from '../../../models/train/engines/onnxruntime/engine.ts';
import { attentionMaps, keepInRange, matchMaps } from '../../../models/train/feature-terms.ts';
import type { FeatureTerm } from '../../../models/train/feature-terms.ts';
import { sgd } from '../../../models/train/optimizers.ts';
import { teacherOf } from '../../../models/train/teacher.ts';
import { bars } from '../../helpers/data/data.ts';
import { barResnet } from '../../helpers/networks/networks.ts';

const batch = 2;
const shape = [3, 2, 2];
const size = batch * sizeOf(shape);
const uniform = seededUniform(3);
const numbers = (n: number) => Float32Array.from({ length: n }, () => 4 * uniform() - 2);

/** The term of one value, and its gradient. */
async function termAt(term: FeatureTerm, value: Float32Array, maps?: Float32Array) {
  const graph = new GraphBuilder();
  graph.input('f', 'float32', [batch, ...shape]);
  const { value: total, gradients } = term.build(graph, { batch, shapeOf: () => shape });
  graph.output(total, 'total', 'float32', []);
  graph.output(gradients.get('f')!, 'gradient', 'float32', [batch, ...shape]);
  const session = await InferenceSession.create(graph.encode('term'), { logSeverityLevel: 3 });
  const results = await session.run({
    f: new Tensor('float32', value, [batch, ...shape]),
    ...(maps && { teacherMaps: new Tensor('float32', maps, [batch, maps.length / batch]) }),
  });
  await session.release();
  return {
    total: (results['total']!.data as Float32Array)[0]!,
    gradient: results['gradient']!.data as Float32Array,
  };
}

const matching = matchMaps({ pairs: [{ student: 'f', teacher: 'f' }], weight: 1000 });
const mask = Float32Array.from({ length: sizeOf(shape) }, (_, e) => (e % 3 === 0 ? 0 : 1));
const ranged = keepInRange([{ input: 'f', mask }], { weight: 0.5, bound: 2 });

test('an attention map is the mean of squares over the channels, divided by its norm', () => {
  // one image of two channels on 1 x 2: means of squares (1 + 9) / 2 and (4 + 16) / 2
  const maps = attentionMaps([{ data: Float32Array.of(1, 2, 3, 4), shape: [2, 1, 2] }], 1);
  const norm = Math.hypot(5, 10);
  expect([...maps]).toEqual([Math.fround(5 / norm), Math.fround(10 / norm)]);
});

test('maps that agree cost nothing, whatever the size of the values, and others their mean squared difference', async () => {
  const own = numbers(size);
  const taught = own.map((value) => 3 * value);
  const same = await termAt(matching, own, attentionMaps([{ data: taught, shape }], batch));
  expect(same.total).toBeCloseTo(0, 8);
  const other = attentionMaps([{ data: numbers(size), shape }], batch);
  const { total } = await termAt(matching, own, other);
  const maps = attentionMaps([{ data: own, shape }], batch);
  const expected = maps.reduce((sum, a, i) => sum + (a - other[i]!) ** 2, 0) / maps.length;
  expect(total / (1000 * expected)).toBeCloseTo(1, 4);
});

test('the range penalty is the mean of tenth powers over the polynomials alone', async () => {
  const value = new Float32Array(size).fill(1);
  value[0] = 50; // a ReLU
  value[1] = 4;
  const polynomials = batch * mask.reduce((a, b) => a + b, 0);
  const expected = (0.5 * (2 ** 10 + (polynomials - 1) * 0.5 ** 10)) / polynomials;
  expect((await termAt(ranged, value)).total / expected).toBeCloseTo(1, 5);
});

describe.each([
  ['maps', matching],
  ['range', ranged],
])('%s', (_name, term) => {
  test('the gradient equals finite differences', async () => {
    const value = numbers(size);
    const maps = term === matching ? attentionMaps([{ data: numbers(size), shape }], batch) : undefined;
    const { gradient } = await termAt(term, value, maps);
    const h = 2 ** -7;
    const largest = Math.max(...gradient.map(Math.abs));
    for (let i = 0; i < size; i++) {
      const at = async (by: number) => (await termAt(term, value.with(i, value[i]! + by), maps)).total;
      const difference = ((await at(h)) - (await at(-h))) / (2 * h);
      expect(Math.abs(difference - gradient[i]!)).toBeLessThan(0.01 * largest);
    }
    expect(largest).toBeGreaterThan(1e-3);
  });
});

const data = bars(12, 3);
const images = { images: pixels(data), labels: data.labels };
const options = { batch: data.n, optimizer: sgd({ momentum: 0, weightDecay: 0 }) };

test('in a step the gradients reach the weights before the value, and not those behind it', async () => {
  const [student, teacher] = [barResnet(1), barResnet(2)];
  const output = (name: string) => student.graph.nodes.find((node) => node.name === name)!.outputs[0]!;
  const value = output('stage1.block0.relu2');
  const pairs = [{ student: value, teacher: value }];
  const { teach, release } = await teacherOf(teacher, pairs, { threads: 1 });
  const taught = await teach(images.images, data.n);
  await release();
  expect(taught.teacherMaps).toHaveLength(data.n * 64);
  const features = [matchMaps({ pairs, weight: 1000 })];
  const [plain, matched] = [
    await TrainingEngine.create(student, options, { threads: 1 }),
    await TrainingEngine.create(student, { ...options, features }, { threads: 1 }),
  ];
  await plain.run(images, 0.01);
  const first = await matched.run({ ...images, teacherMaps: taught.teacherMaps! }, 0.01);
  const weight = (engine: TrainingEngine, name: string) => engine.model().weights.get(name)!.data;
  expect(weight(matched, 'head.fc.weight')).toEqual(weight(plain, 'head.fc.weight'));
  expect(weight(matched, 'stem.conv.weight')).not.toEqual(weight(plain, 'stem.conv.weight'));
  let last = first;
  for (let i = 0; i < 20; i++)
    last = await matched.run({ ...images, teacherMaps: taught.teacherMaps! }, 0.01);
  expect(last.penalties['maps']!).toBeLessThan(0.7 * first.penalties['maps']!);
  await plain.release();
  await matched.release();
});

test('the engine tfjs refuses losses inside the network', async () => {
  const features = [keepInRange([{ input: 'stem.conv', mask: new Float32Array(256) }], { weight: 1 })];
  await expect(createEngine(barResnet(), { ...options, features }, { engine: 'tfjs' })).rejects.toThrow(
    /the engine tfjs has no losses on values inside the network/,
  );
});
