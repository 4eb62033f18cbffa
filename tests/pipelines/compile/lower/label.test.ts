import { describe, expect, test } from 'vitest';
import { loadRing } from '../../../../crypto/ring/kernels.ts';
import { resnet } from '../../../../models/architectures/resnet.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { argmax } from '../../../../models/tensor.ts';
import { predictCost } from '../../../../pipelines/cost/bytes.ts';
import { openedOutput } from '../../../../pipelines/inference/answer.ts';
import { prepare } from '../../../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../../../pipelines/compile/served-plan.ts';
import { answerBits, logitsWire, networkSteps } from '../../../../pipelines/plan/answer.ts';
import { parsePlan, serialisePlan } from '../../../../pipelines/plan/codec.ts';
import type { Plan } from '../../../../pipelines/plan/plan.ts';
import { testedLayers, withWindows } from '../../../../pipelines/plan/windows.ts';
import { logitErrorBound } from '../../../../pipelines/simulate/error-bound.ts';
import { clientShares, simulate, simulateWires } from '../../../../pipelines/simulate/simulate.ts';
import { PlanError } from '../../../../src/shared/errors.ts';
import { randomWords } from '../../../../src/shared/random.ts';
import { randomImages } from '../../../helpers/data/data.ts';
import { labelPlan } from '../../../helpers/protocol/label-plan.ts';
import { seededRng } from '../../../helpers/rng.ts';

const ring = await loadRing();
const rng = seededRng('labels');

/** The label that the protocol's integers give, with fresh shares. */
function labelOf(plan: Plan, logits: Int32Array): number {
  const wires = simulateWires(ring, plan, new Map(), Uint32Array.from(logits), clientShares(plan, rng));
  return openedOutput(plan, new Uint32Array(1), wires.get(plan.output.wire)!)[0]!;
}

/** Logits in all sizes below 2^bits: at both ends of the range, around 0, equal ones, steps of one. */
function someLogits(classes: number, bits: number): Int32Array[] {
  const edge = 2 ** bits - 1;
  const words = (shift: number) =>
    new Int32Array(randomWords(rng, classes).buffer).map((word) => word >> shift);
  const random = [31 - bits, 20, 25, 29, 30, 31].map(words);
  const low = words(29).map((x) => x - edge + 8);
  const high = words(29).map((x) => x + edge - 8);
  const one = (at: number, value: number, rest: number) =>
    new Int32Array(classes).fill(rest).fill(value, at, at + 1);
  const last = classes - 1;
  return [
    ...[...random, low, high],
    ...[0, 1, -1, edge, -edge].map((value) => new Int32Array(classes).fill(value)),
    ...[0, last >> 1, last].flatMap((at) => [
      one(at, edge, -edge),
      one(at, 1, 0),
      one(at, -5, -6),
      one(at, 0, -1),
    ]),
    ...[0, last >> 1, last].flatMap((at) => [one(at, -edge, edge), one(at, 0, 1)]),
    Int32Array.from({ length: classes }, (_, i) => i),
    Int32Array.from({ length: classes }, (_, i) => -i),
    Int32Array.from({ length: classes }, (_, i) => (i % 3 === 1 ? 7 : -i)),
  ];
}

describe('up to 32 classes the label is the argmax exactly, the first of equal ones', () => {
  test.each([
    [2, 29],
    [2, 30],
    [3, 1],
    [3, 30],
    [4, 29],
    [10, 20],
    [10, 29],
    [10, 30],
    [17, 28],
    [32, 29],
  ])('%i classes, logits below 2^%i', (classes, bits) => {
    const plan = labelPlan(classes, bits);
    expect(parsePlan(serialisePlan(plan))).toEqual(plan);
    for (const logits of someLogits(classes, bits).map((x) => x.map((v) => clamp(v, bits))))
      expect(labelOf(plan, logits), String(logits.slice(0, 40))).toBe(argmax(logits));
  });
});

function clamp(value: number, bits: number): number {
  return Math.max(-(2 ** bits - 1), Math.min(2 ** bits - 1, value));
}

/** The bits that the first round cuts. */
function cutOf({ steps }: Plan): number {
  const first = steps.find((step) => step.kind === 'activation')!;
  return first.spec.relu.truncate;
}

describe('with more classes no label is of a logit that is 4 cut units or more below the largest', () => {
  test.each([
    [33, 28, 9],
    [100, 28, 10],
    [101, 10, 0],
    [200, 20, 3],
    [1000, 28, 13],
    [1000, 12, 0],
  ])('%i classes, logits below 2^%i: %i bits are cut', (classes, bits, cut) => {
    const plan = labelPlan(classes, bits);
    expect(cutOf(plan)).toBe(cut);
    expect(parsePlan(serialisePlan(plan))).toEqual(plan);
    // The largest values that the comment of packedWinners allows.
    const edge = 2 ** bits - 2 ** (cut + 1) - 1;
    let unlike = 0;
    for (const any of someLogits(classes, bits)) {
      const logits = any.map((value) => Math.max(-edge, Math.min(edge, value)));
      const [label, right] = [labelOf(plan, logits), argmax(logits)];
      if (cut === 0) expect(label).toBe(right);
      if (label !== right) unlike++;
      expect(logits[right]! - logits[label]!).toBeLessThan(4 * 2 ** cut);
      const spread = logits.map((value) => (value >> (cut + 3)) << (cut + 3));
      const best = argmax(spread);
      // A label among equal ones, and the only one where it leads.
      expect(spread[labelOf(plan, spread)]).toBe(spread[best]);
    }
    expect(unlike > 0).toBe(cut > 0);
  });
});

test.each([
  [2, 1, 2],
  [3, 2, 9],
  [10, 2, 100],
  [32, 2, 32 * 31 + 32],
  [33, 3, 2 * 17 + 17 * 16 + 17],
  [100, 4, 2 * 50 + 25 + 25 * 24 + 25],
  [1000, 7, 2 * 500 + 250 + 125 + 63 + 32 + 32 * 31 + 32],
])('%i classes take %i round trips and %i ReLUs', (classes, rounds, relus) => {
  const cost = predictCost(labelPlan(classes, 20));
  expect(cost.rounds).toBe(rounds + 1);
  expect(cost.steps.reduce((sum, { elements }) => sum + elements.relu, 0)).toBe(relus);
});

test('logits of any shape', () => {
  const logits = Int32Array.of(3, -1, 9, 9, 2, -7);
  for (const shape of [[6], [6, 1, 1], [2, 3], [1, 2, 3]]) {
    const plan = labelPlan(6, 10, shape);
    expect(labelOf(plan, logits)).toBe(2);
    expect(answerBits(plan)).toBe(3);
  }
});

test('one class has no label, and too many do not fit', () => {
  expect(() => labelPlan(1, 20)).toThrow(PlanError);
  expect(() => labelPlan(2 ** 15 + 1, 20)).toThrow('2 to 32768 classes, and the network has 32769');
});

test('a network of more than 32 classes leaves a bit for the differences of its logits, and its labels are right', async () => {
  const options = {
    name: 'wide',
    inChannels: 3,
    size: 8,
    classes: 40,
    widths: [6, 8],
    blocks: [1, 1],
    stemRelu: true,
  };
  const model = resnet(options, seededRng('wide'));
  const n = 30;
  const images = randomImages(model, n, seededRng('images'));
  const made = async (answer: 'logits' | 'label') =>
    prepare(model, { calibration: { images, n }, precision: 12, answer });
  const [logits, label] = [await made('logits'), await made('label')];
  const bitsOf = ({ plan }: Prepared) => plan.wires[logitsWire(plan)]!.bits;
  expect([bitsOf(logits), bitsOf(label)]).toEqual([29, 28]);
  const { likely } = logitErrorBound(label);
  const float = await predict(model, images, n);
  const labels = await simulate(label.plan, label.weights, images, n, rng);
  const unit = 2 ** cutOf({ ...label.plan, steps: label.plan.steps.slice(networkSteps(label.plan).length) });
  const tolerance = 2 * likely + (4 * unit) / label.plan.wires[logitsWire(label.plan)]!.scale;
  labels.forEach((found, i) => {
    const row = float.subarray(40 * i, 40 * (i + 1));
    expect(Math.max(...row) - row[found]!).toBeLessThan(tolerance);
  });
  expect(tolerance).toBeLessThan((Math.max(...float) - Math.min(...float)) / 10);
});

test('windows of the network leave comparisons alone: bits that they leave out would give wrong labels', () => {
  const plan = labelPlan(10, 20);
  expect(testedLayers(plan)).toEqual([]);
  const wider = new Map(plan.steps.map(({ id }) => [id, 8]));
  const damaged = withWindows(plan, { k: wider, mode: 'posZero' });
  const near = Int32Array.from({ length: 10 }, (_, i) => i);
  const labels = Array.from({ length: 20 }, () => labelOf(damaged, near));
  expect(labels.some((label) => label !== 9)).toBe(true);
});
