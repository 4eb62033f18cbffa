import { expect, test } from 'vitest';
import { activationKinds } from '../../../models/graph.ts';
import type { Model } from '../../../models/graph.ts';
import { argmax } from '../../../models/tensor.ts';
import { predict } from '../../../models/runtime/run.ts';
import { calibrate } from '../../../pipelines/compile/calibrate.ts';
import { compile, publicPart } from '../../../pipelines/compile/compile.ts';
import { quantise } from '../../../pipelines/compile/quantise.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import { keptBits } from '../../../pipelines/plan/answer.ts';
import { wireOf } from '../../../pipelines/plan/plan.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { logitErrorBound } from '../../../pipelines/simulate/error-bound.ts';
import { simulate } from '../../../pipelines/simulate/simulate.ts';
import type { SimulateOptions } from '../../../pipelines/simulate/simulate.ts';
import { seededRng } from '../../helpers/rng.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { mixed, mixedNet, piecewiseNet, residualNet } from '../../helpers/networks/networks.ts';

const n = 60;
const classes = 5;

async function prepared(model: Model, options: Partial<CompileOptions> = {}) {
  const images = randomImages(model, n, seededRng('images'));
  const made = await prepare(model, { calibration: { images, n }, ...options });
  return { made, images, float: await predict(model, images, n), bound: logitErrorBound(made) };
}

/** Largest distance to the float logits. */
async function errorOf(
  { plan, weights }: Prepared,
  images: Float32Array,
  float: Float32Array,
  options: SimulateOptions = {},
): Promise<number> {
  const integer = await simulate(plan, weights, images, n, seededRng('shares'), options);
  return float.reduce((worst, y, i) => Math.max(worst, Math.abs(y - integer[i]!)), 0);
}

test.each([
  ['ReLUs', residualNet],
  ['ReLUs, identities and polynomials', mixedNet],
])('logits are within both derived bounds of the float model: %s', async (_name, build) => {
  for (const seed of [1, 2, 3]) {
    const { made, images, float, bound } = await prepared(build(seededRng(seed)));
    const error = await errorOf(made, images, float);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(bound.likely);
    expect(bound.likely).toBeLessThan(bound.worst);
  }
});

const scaleOfLogits = (plan: Plan) => wireOf(plan, plan.output.wire).scale;

test.each([
  ['ReLUs', residualNet, 6],
  ['ReLUs, identities and polynomials', mixedNet, 3],
  ['leaky ReLUs, maxima, clips and uneven averages', piecewiseNet, 1],
])('labels are of logits within the bound of the largest: %s', async (_name, build, seed) => {
  const model = build(seededRng(seed));
  const { made, images, float, bound } = await prepared(model, { answer: 'label' });
  const ofLogits = await prepared(model);
  const opening = 2 ** (keptBits(ofLogits.made.plan) - 1) / scaleOfLogits(ofLogits.made.plan);
  expect(bound.worst).toBeCloseTo(ofLogits.bound.worst - opening, 8);
  expect(bound.likely).toBeLessThan(ofLogits.bound.likely);
  const labels = await simulate(made.plan, made.weights, images, n, seededRng('shares'));
  expect(labels).toHaveLength(n);
  const rows = Array.from(labels, (label, i) => ({
    label,
    row: float.subarray(i * classes, (i + 1) * classes),
  }));
  for (const { label, row } of rows) expect(Math.max(...row) - row[label]!).toBeLessThan(2 * bound.likely);
  expect(rows.filter(({ label, row }) => label === argmax(row)).length).toBeGreaterThan(0.9 * n);
  expect(new Set(labels).size).toBeGreaterThan(1);
});

test('one weight of the wrong sign breaks the bound', async () => {
  const { made, images, float, bound } = await prepared(residualNet(seededRng(1)));
  const [stem] = made.weights.values();
  const largest = stem!.weights.reduce(
    (at, w, i) => (Math.abs(w) > Math.abs(stem!.weights[at]!) ? i : at),
    0,
  );
  stem!.weights[largest]! *= -1;
  expect(await errorOf(made, images, float)).toBeGreaterThan(bound.likely);
});

test('the arg max agrees wherever the float logits differ by more than twice the error', async () => {
  const { made, images, float } = await prepared(residualNet(seededRng(1)));
  const integer = await simulate(made.plan, made.weights, images, n, seededRng('shares'));
  const error = await errorOf(made, images, float);
  let clear = 0;
  for (let i = 0; i < n; i++) {
    const row = float.subarray(i * classes, (i + 1) * classes);
    const [first, second] = [...row].sort((a, b) => b - a);
    if (first! - second! <= 2 * error) continue;
    clear++;
    const private_ = integer.subarray(i * classes, (i + 1) * classes);
    expect(private_.indexOf(Math.max(...private_))).toBe(row.indexOf(first!));
  }
  expect(clear).toBeGreaterThan(n / 2);
});

test('faults of a coarse sign test are there, and only where asked for', async () => {
  const { made, images, float } = await prepared(residualNet(seededRng(1)), { k: 20 });
  const exact = await prepared(residualNet(seededRng(1)), { k: 0 });
  const [faulty, faultless] = [
    await errorOf(made, images, float),
    await errorOf(made, images, float, { faults: false }),
  ];
  expect(faulty).toBeGreaterThan(5 * faultless);
  expect(faultless).toBe(await errorOf(exact.made, images, exact.float));
  expect(faulty).toBeLessThan(logitErrorBound(made).worst);
});

test('low bits that the truncation drops anyway are free', async () => {
  const [free, exact] = [
    await prepared(residualNet(seededRng(1)), { k: 'free' }),
    await prepared(residualNet(seededRng(1)), { k: 0 }),
  ];
  const errors = [
    await errorOf(free.made, free.images, free.float),
    await errorOf(exact.made, exact.images, exact.float),
  ];
  expect(errors[0]).toBeLessThan(1.5 * errors[1]!);
});

test('more precision, less error', async () => {
  const coarse = await prepared(mixedNet(seededRng(2)), { precision: 8, weightBits: 5 });
  const fine = await prepared(mixedNet(seededRng(2)), { precision: 12, weightBits: 8 });
  const errors = await Promise.all(
    [coarse, fine].map(({ made, images, float }) => errorOf(made, images, float)),
  );
  expect(errors[1]).toBeLessThan(errors[0]! / 2);
});

test('a layer of squares is several times closer where its polynomials are balanced', async () => {
  const model = mixed(residualNet(seededRng(1)), 'block2.relu', seededRng(2), [activationKinds.poly]);
  model.weights.get('block2.relu.c2')!.data[1] = 0.3;
  const { made, images, float } = await prepared(model);
  const rootMeanSquare = async (made: Prepared) => {
    const integer = await simulate(made.plan, made.weights, images, n, seededRng('shares'));
    expect(await errorOf(made, images, float)).toBeLessThan(logitErrorBound(made).likely);
    return Math.sqrt(float.reduce((sum, y, i) => sum + (y - integer[i]!) ** 2, 0) / float.length);
  };
  const ranges = await calibrate(model, { images, n });
  const plan = compile(model.graph, ranges, publicPart(model));
  const unbalanced = { ...made, plan, weights: quantise(model, plan), model, ranges };
  expect(await rootMeanSquare(made)).toBeLessThan(0.6 * (await rootMeanSquare(unbalanced)));
});
