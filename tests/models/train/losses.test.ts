import { expect, test } from 'vitest';
import {
  batchMean,
  correctCount,
  crossEntropy,
  distillation,
  labelTarget,
  mixTargets,
  sumOfTerms,
  weightedSum,
} from '../../../models/train/losses.ts';
import type { GraphBuilder } from '../../../models/onnx/graph-builder.ts';
import type { Loss, LossTerm } from '../../../models/train/losses.ts';
import { runGraph } from '../../helpers/networks/run-graph.ts';

const [batch, classes] = [2, 3];
const logits = [1, -0.5, 2, 0.25, 3, -1];
const teacher = [0.5, 1.5, -1, 2, 0, 0.75];
const labels = [0, 1];

const rowsOf = (values: readonly number[]): number[][] => [values.slice(0, 3), values.slice(3)];
const softmax = (row: readonly number[]): number[] => {
  const powers = row.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((p) => p / sum);
};
/** -sum target log softmax(row) */
const cross = (target: readonly number[], row: readonly number[]): number =>
  -softmax(row).reduce((sum, p, i) => sum + target[i]! * Math.log(p), 0);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;

type Build = (graph: GraphBuilder) => LossTerm;

function run(build: Build, reduce: (graph: GraphBuilder, term: LossTerm) => Loss = overBatch) {
  const inputs = {
    logits: { shape: [batch, classes], data: logits },
    teacher: { shape: [batch, classes], data: teacher },
    labels: { dtype: 'int64', shape: [batch], data: labels },
  } as const;
  return runGraph(inputs, (graph) => {
    const loss = reduce(graph, build(graph));
    return { value: { value: loss.value, rank: 0 }, dLogits: { value: loss.dLogits, rank: 2 } };
  });
}

const overBatch = (graph: GraphBuilder, term: LossTerm): Loss => batchMean(graph, term, batch);

/** Values of size about 4 after some ten float32 operations. */
const digits = 5;

function expectClose(actual: readonly number[] | undefined, expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(actual![i]).toBeCloseTo(value, digits));
}

const output = { name: 'logits', batch, classes };

const hardLoss: (graph: GraphBuilder, smoothing?: number) => LossTerm = (graph, smoothing = 0) =>
  crossEntropy(graph, output, labelTarget(graph, output, 'labels', smoothing));

test.each([0, 0.1])('cross-entropy with smoothing %d by hand', async (smoothing) => {
  const targets = labels.map((label) =>
    [0, 1, 2].map((k) => (k === label ? 1 - smoothing : 0) + smoothing / classes),
  );
  const rows = rowsOf(logits);
  const { value, dLogits } = await run((graph) => hardLoss(graph, smoothing));
  expectClose(value, [mean(rows.map((row, i) => cross(targets[i]!, row)))]);
  expectClose(
    dLogits,
    rows.flatMap((row, i) => softmax(row).map((p, k) => (p - targets[i]![k]!) / batch)),
  );
});

test('targets of mixed images: the shares of both labels, smoothing kept', async () => {
  const [share, smoothing] = [0.75, 0.3];
  const partners = [2, 0];
  const targets = labels.map((label, i) =>
    [0, 1, 2].map(
      (k) =>
        (1 - smoothing) * ((k === label ? share : 0) + (k === partners[i] ? 1 - share : 0)) +
        smoothing / classes,
    ),
  );
  const rows = rowsOf(logits);
  const { value, dLogits } = await run((graph) => {
    const other = graph.constantNamed('partners', {
      dtype: 'int64',
      shape: [batch],
      data: BigInt64Array.from(partners, BigInt),
    });
    const [first, second] = ['labels', other].map((name) => labelTarget(graph, output, name, smoothing));
    return crossEntropy(graph, output, mixTargets(graph, first!, second!, graph.scalar(share)));
  });
  expectClose(value, [mean(rows.map((row, i) => cross(targets[i]!, row)))]);
  expectClose(
    dLogits,
    rows.flatMap((row, i) => softmax(row).map((p, k) => (p - targets[i]![k]!) / batch)),
  );
});

test.each([1, 4])('distillation at temperature %d is T^2 KL by hand', async (T) => {
  const [student, soft] = [logits, teacher].map((values) => rowsOf(values.map((v) => v / T))) as [
    number[][],
    number[][],
  ];
  const kl = student.map((row, i) => {
    const target = softmax(soft[i]!);
    return cross(target, row) + target.reduce((sum, p) => sum + p * Math.log(p), 0);
  });
  const { value, dLogits } = await run((graph) => distillation(graph, output, 'teacher', T));
  expectClose(value, [T ** 2 * mean(kl)]);
  expectClose(
    dLogits,
    student.flatMap((row, i) => softmax(row).map((p, k) => (T * (p - softmax(soft[i]!)[k]!)) / batch)),
  );
});

test('distilling from itself costs nothing and pulls nowhere', async () => {
  const { value, dLogits } = await run((graph) => distillation(graph, output, 'logits', 4));
  expectClose(value, [0]);
  expectClose(dLogits, new Array<number>(6).fill(0));
});

test('images are weighted one by one, in the value and in the gradient', async () => {
  const weights = [0.75, -0.25];
  const { value, dLogits } = await run(
    (graph) => hardLoss(graph),
    (graph, term) => weightedSum(graph, term, graph.floats(Float32Array.from(weights))),
  );
  const rows = rowsOf(logits);
  const targets = labels.map((label) => [0, 1, 2].map((k) => (k === label ? 1 : 0)));
  expectClose(value, [rows.reduce((sum, row, i) => sum + weights[i]! * cross(targets[i]!, row), 0)]);
  expectClose(
    dLogits,
    rows.flatMap((row, i) => softmax(row).map((p, k) => weights[i]! * (p - targets[i]![k]!))),
  );
});

test('a sum of terms adds values and gradients, each times its weight', async () => {
  const hard = await run((graph) => hardLoss(graph));
  const soft = await run((graph) => distillation(graph, output, 'teacher', 4));
  const both = await run((graph) =>
    sumOfTerms(graph, [
      { term: hardLoss(graph), weight: 1 },
      { term: distillation(graph, output, 'teacher', 4), weight: 0.5 },
    ]),
  );
  expectClose(both['value'], [hard['value']![0]! + 0.5 * soft['value']![0]!]);
  expectClose(
    both['dLogits'],
    hard['dLogits']!.map((v, i) => v + 0.5 * soft['dLogits']![i]!),
  );
});

test('the count of right answers', async () => {
  const inputs = {
    logits: { shape: [batch, classes], data: logits },
    labels: { dtype: 'int64', shape: [batch], data: labels },
  } as const;
  const { count } = await runGraph(inputs, (graph) => ({
    count: { value: correctCount(graph, 'logits', 'labels'), rank: 0, dtype: 'int64' },
  }));
  expect(count).toEqual([1]); // the largest are 2 and 1, the labels 0 and 1
});
