import { expect, test } from 'vitest';
import type { Model } from '../../../models/graph.ts';
import { prepare, replanned } from '../../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import { testedLayers } from '../../../pipelines/plan/windows.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { bitsInOrder, bytesOf } from '../../../pipelines/simulate/bits-in-order.ts';
import type { BitsStep } from '../../../pipelines/simulate/bits-in-order.ts';
import { withBits } from '../../../pipelines/simulate/choose-bits.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { residualNet, tinyMobilenet, tinyVgg } from '../../helpers/networks/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

const exact = { activationBits: 10, weightBits: 14 };
const coarse = { activationBits: 6, weightBits: 11 };

function preparedOf(network: Model): Promise<Prepared> {
  const images = randomImages(network, 8, seededRng('to calibrate'));
  return prepare(network, { calibration: { images, n: 8 }, ...exact });
}

const prepared = await preparedOf(residualNet(seededRng(3)));
const nodes = testedLayers(prepared.plan).map(({ node }) => node);

/** What sign tests leave out above what costs nothing, by node; comparisons above those of `made`. */
function leftOutBy(plan: Plan, made: Plan): [string, number][] {
  const compared = testedLayers(made).filter(({ test }) => test === 'comparison');
  const free = new Map(compared.map(({ node, free }) => [node, free]));
  return plan.steps.flatMap(({ node, ...step }) => {
    if (step.kind !== 'activation') return [];
    const { k, truncate } = step.spec.relu;
    return [[node, Math.max(0, k - (free.get(node) ?? truncate))] as [string, number]];
  });
}

/** Steps by a divergence that grows fourfold with each bit, from a layer's own factor on. */
function orderBy(
  made: Prepared,
  factorOf: (node: string) => number,
  { ownOf = () => 1e-9, bits = [exact] }: { ownOf?: (plan: Plan) => number; bits?: (typeof exact)[] } = {},
): Promise<BitsStep[]> {
  const wholes = bits.map((one) => ({ bits: one, ...withBits(made, one) }));
  return bitsInOrder(wholes, 'posZero', (plan) =>
    Promise.resolve(
      leftOutBy(plan, made.plan).reduce(
        (sum, [node, more]) => sum + factorOf(node) * (4 ** more - 1),
        ownOf(plan),
      ),
    ),
  );
}

test('the most exact plan comes first, and each step saves bytes for a divergence that is the sum of its layers', async () => {
  const steps = await orderBy(prepared, () => 1e-8);
  expect(steps[0]).toMatchObject({ bits: exact, bytes: bytesOf(prepared.plan), divergence: 1e-9 });
  expect(steps.length).toBeGreaterThan(5);
  steps.slice(1).forEach(({ bits, bytes, divergence }, i) => {
    expect(bytes).toBeLessThanOrEqual(0.99 * steps[i]!.bytes);
    expect(divergence).toBeGreaterThanOrEqual(steps[i]!.divergence);
    const sum = Object.values(bits.leftOut!).reduce((total, more) => total + 1e-8 * (4 ** more - 1), 1e-9);
    expect(divergence / sum).toBeCloseTo(1, 6);
    // Priced with other transfers than its own.
    expect(bytes / bytesOf(withBits(prepared, bits).plan)).toBeCloseTo(1, 1);
  });
});

test('a layer that does not stand it keeps its bits, and others do not', async () => {
  const [sensitive, ...others] = nodes;
  const steps = await orderBy(prepared, (node) => (node === sensitive ? 1 : 1e-8));
  expect(steps.length).toBeGreaterThan(3);
  for (const { bits } of steps) expect(bits.leftOut?.[sensitive!]).toBeUndefined();
  for (const node of others) expect(steps.at(-1)!.bits.leftOut![node]).toBeGreaterThan(3);
  // One that stands a little less is shortened less.
  const unlike = await orderBy(prepared, (node) => (node === sensitive ? 1e-4 : 1e-8));
  const { leftOut } = unlike.at(-1)!.bits;
  expect(leftOut![sensitive!]).toBeLessThan(Math.min(...others.map((node) => leftOut![node]!)));
});

test('a whole plan of fewer bits is taken where it diverges less for its bytes, and no plan that diverges more', async () => {
  const isCoarse = ({ bits }: BitsStep) => bits.activationBits === coarse.activationBits;
  const hash = (plan: Plan) => plan.wires.map(({ scale }) => scale).join();
  const coarsePlan = hash(withBits(prepared, coarse).plan);
  const own = (near: number) => (plan: Plan) => (hash(plan) === coarsePlan ? near : 1e-9);
  const bits = [exact, coarse];
  expect((await orderBy(prepared, () => 1e-3, { bits, ownOf: own(1e-8) })).some(isCoarse)).toBe(true);
  expect((await orderBy(prepared, () => 1e-8, { bits, ownOf: own(1) })).slice(0, -1).some(isCoarse)).toBe(
    false,
  );
});

test.each([
  ['comparisons of max pools', tinyVgg(), /pool/],
  ['both tests of a ReLU6', tinyMobilenet(), /relu6/],
])('%s are shortened too, and a plan with those options has them', async (_, network, name) => {
  const made = await preparedOf(network);
  const leftOut = (await orderBy(made, () => 1e-8)).at(-1)!.bits.leftOut!;
  expect(Object.keys(leftOut).some((node) => name.test(node))).toBe(true);
  const asked = replanned(made, { ...exact, leftOut });
  for (const { step, node, free } of testedLayers(made.plan)) {
    const compiled = asked.steps.find(({ id }) => id === step)!;
    if (compiled.kind !== 'activation') throw new Error('no activation');
    expect(compiled.spec.relu.k - free).toBe(leftOut[node] ?? 0);
  }
});
