import { describe, expect, test } from 'vitest';
import type { Node, OpAttributes } from '../../../../models/graph.ts';
import { inferShapes } from '../../../../models/analysis/shapes.ts';
import { inspect } from '../../../../models/analysis/inspect.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { sizeOf, tensor } from '../../../../models/tensor.ts';
import type { Tensor } from '../../../../models/tensor.ts';
import { normals } from '../../../../models/architectures/init.ts';
import type { CompileOptions } from '../../../../pipelines/compile/options.ts';
import { prepare } from '../../../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../../../pipelines/cost/bytes.ts';
import { levelOf } from '../../../../pipelines/compile/lower/maximum.ts';
import { planHash, parsePlan, serialisePlan } from '../../../../pipelines/plan/codec.ts';
import { activationSteps, wireOf } from '../../../../pipelines/plan/plan.ts';
import type { Plan } from '../../../../pipelines/plan/plan.ts';
import { logitErrorBound } from '../../../../pipelines/simulate/error-bound.ts';
import { simulate } from '../../../../pipelines/simulate/simulate.ts';
import { PlanError, ProtocolError } from '../../../../src/shared/errors.ts';
import { seededRng } from '../../../helpers/rng.ts';
import { randomImages } from '../../../helpers/data/data.ts';

const n = 8;

type Attributes<K extends keyof OpAttributes> = OpAttributes[K];

/** A 1 x 1 convolution of 3 channels, the node, and nothing else: the output is the node's. */
async function compared<K extends keyof OpAttributes>(
  op: K,
  attributes: Attributes<K>,
  size: readonly [number, number] = [7, 6],
  slopes?: Tensor,
  options: Partial<CompileOptions> = {},
) {
  const weights = new Map([['w', tensor([4, 3, 1, 1], normals(12, seededRng('weights')))]]);
  if (slopes !== undefined) weights.set('slopes', slopes);
  const conv = { kernel: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 } as const;
  const nodes = [
    { op: 'Conv', name: 'conv', inputs: ['image', 'w'], outputs: ['conv'], attributes: conv },
    {
      ...{ op, name: 'node', outputs: ['node'], attributes },
      inputs: slopes === undefined ? ['conv'] : ['conv', 'slopes'],
    },
  ] as unknown as Node[];
  const inputs = [{ name: 'image', shape: [3, ...size] }];
  const graph = { name: 'piecewise', inputs, outputs: [], nodes };
  const shape = inferShapes({ graph, weights }).get('node')!;
  const model = { graph: { ...graph, outputs: [{ name: 'node', shape }] }, weights };
  const images = randomImages(model, n, seededRng('images'));
  const prepared = await prepare(model, { calibration: { images, n }, precision: 12, ...options });
  const float = await predict(model, images, n);
  const integer = await simulate(prepared.plan, prepared.weights, images, n, seededRng('shares'));
  const error = float.reduce((worst, y, i) => Math.max(worst, Math.abs(y - integer[i]!)), 0);
  const bound = logitErrorBound(prepared);
  const largest = float.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return { model, prepared, error, bound, largest, shape };
}

function reluCount(plan: Plan): number {
  return predictCost(plan).steps.reduce((sum, { elements }) => sum + elements.relu, 0);
}

const window = {
  kernel: [2, 2],
  strides: [2, 2],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
  ceilMode: false,
} as const;

/**
 * Kernel, strides, pads, dilations, ceilMode of windows that overlap, that the border cuts, that skip
 * elements.
 */
const windows: readonly (readonly [string, Partial<Attributes<'MaxPool'>>])[] = [
  ['2 x 2', {}],
  ['3 x 3, stride 2, padded', { kernel: [3, 3], pads: [1, 1, 1, 1] }],
  ['3 x 3, stride 1, padded', { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] }],
  ['2 x 2 with a cut last window', { ceilMode: true }],
  ['5 x 1, padded at the end', { kernel: [5, 1], strides: [1, 1], pads: [0, 0, 3, 0] }],
];

describe('MaxPool', () => {
  test.each([...windows, ['dilated', { dilations: [2, 3] } as const] as const])(
    '%s',
    async (_name, given) => {
      const found = await compared('MaxPool', { ...window, ...given });
      expect(found.error).toBeGreaterThan(0);
      expect(found.error).toBeLessThan(found.bound.likely);
      expect(found.bound.likely).toBeLessThan(found.largest / 20);
    },
  );

  test('one comparison fewer than elements in a window, and one round trip a level', async () => {
    const { prepared, model } = await compared('MaxPool', window);
    // 3 x 3 windows of 4 channels, 3 comparisons each, as inspect says; the columns that no window reads are
    // not left out of the rows.
    expect(inspect(model).relus).toBe(4 * 9 * 3);
    expect(reluCount(prepared.plan)).toBe(4 * (3 * 6 + 3 * 3));
    expect(activationSteps(prepared.plan)).toHaveLength(2);
  });

  test.each(['posZero', 'negPass'] as const)(
    'comparisons leave out bits that weigh as little as the rounding of weights: %s',
    async (mode) => {
      const options = { weightBits: 6, mode };
      const found = await compared('MaxPool', window, [7, 6], undefined, options);
      const exact = await compared('MaxPool', window, [7, 6], undefined, { ...options, k: 0 });
      const [layer, other] = [found, exact].map(({ prepared }) => activationSteps(prepared.plan)[0]!);
      const { k, bits } = layer!.spec.relu;
      expect(bits - k + 1).toBe(6 + 1);
      expect(other!.spec.relu.k).toBe(0);
      // Each of the two levels may pick a value that is lower by less than 2^k.
      const most = (2 * 2 ** k) / wireOf(found.prepared.plan, layer!.output).scale;
      expect(found.bound.worst - exact.bound.worst).toBeCloseTo(most, 9);
      expect(found.error).toBeGreaterThan(exact.error);
      expect(found.error).toBeLessThan(exact.error + most);
      expect(found.error).toBeLessThan(found.bound.likely);
    },
  );

  test('with more bits a weight, comparisons look at more bits; a ReLU keeps the window of its truncation', async () => {
    const windowOf = async (op: 'MaxPool' | 'Relu', weightBits: number) => {
      const attributes = op === 'MaxPool' ? window : ({} as typeof window);
      const { prepared } = await compared(op, attributes, [7, 6], undefined, { weightBits, precision: 16 });
      return activationSteps(prepared.plan)[0]!.spec.relu;
    };
    const [few, many] = [await windowOf('MaxPool', 6), await windowOf('MaxPool', 10)];
    expect(many.bits - many.k - (few.bits - few.k)).toBe(4);
    const relu = await windowOf('Relu', 6);
    expect(relu.k).toBe(relu.truncate);
  });

  test('windows that overlap share their comparisons', async () => {
    const { prepared, model } = await compared('MaxPool', { ...window, kernel: [3, 3], strides: [1, 1] });
    expect(reluCount(prepared.plan)).toBeLessThan(inspect(model).relus / 1.5);
  });

  test('levels: pairs first, then what has no partner', () => {
    const level = levelOf([[0, 1, 2], [2, 3], [4]]);
    expect(level.pairs).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(level.singles).toEqual([2, 4]);
    expect(level.windows).toEqual([[0, 2], [1], [3]]);
  });
});

describe('AveragePool over windows of several sizes', () => {
  test.each(
    windows.flatMap(([name, given]) => [true, false].map((include) => [name, include, given] as const)),
  )('%s, count_include_pad %s', async (_name, countIncludePad, given) => {
    const found = await compared('AveragePool', { ...window, ...given, countIncludePad });
    expect(found.error).toBeLessThan(found.bound.likely);
    expect(found.bound.likely).toBeLessThan(found.largest / 20);
  });
});

describe('activations of several straight pieces', () => {
  test.each([
    ['a slope a channel', [4, 1, 1], [0.25, -0.5, 1.5, 0], 2],
    ['one slope for all', [1], [0.25], 1],
    ['the same slope in each', [4, 1, 1], [0.1, 0.1, 0.1, 0.1], 1],
  ] as [string, number[], number[], number][])('PRelu, %s', async (_, shape, slopes, rounds) => {
    const given = tensor(shape, Float32Array.from(slopes));
    const { prepared, model, error, bound, largest } = await compared('PRelu', {}, [7, 6], given);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(bound.likely);
    expect(error).toBeLessThan(bound.worst);
    expect(bound.likely).toBeLessThan(largest / 20);
    expect(activationSteps(prepared.plan)).toHaveLength(rounds);
    expect(reluCount(prepared.plan)).toBe(inspect(model).relus);
    expect(parsePlan(serialisePlan(prepared.plan))).toEqual(prepared.plan);
  });

  test('a PRelu of one slope steeper than the identity, or of a slope a pixel, is refused', async () => {
    const steep = tensor([1], Float32Array.of(1.5));
    await expect(compared('PRelu', {}, [7, 6], steep)).rejects.toThrow(
      /node node \(PRelu\).*slope is 1.5, expected less than 1/,
    );
    const pixels = tensor([1, 7, 6], normals(42, seededRng('pixels')));
    await expect(compared('PRelu', {}, [7, 6], pixels)).rejects.toThrow(/slopes differ within a channel/);
  });

  test.each([0.01, 0.2, 0.9, 0, -0.5])('LeakyRelu, alpha %d', async (alpha) => {
    const { prepared, error, bound, largest } = await compared('LeakyRelu', { alpha });
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(bound.worst);
    expect(error).toBeLessThan(bound.likely);
    expect(bound.likely).toBeLessThan(largest / 20);
    expect(activationSteps(prepared.plan)).toHaveLength(1);
  });

  test.each([
    [0, 6],
    [-1, 1],
    [0.3, 0.9],
    [-Infinity, 0.5],
    [-0.25, Infinity],
    [0, 1000],
  ])('Clip to [%d, %d]', async (min, max) => {
    const { prepared, error, bound } = await compared('Clip', { min, max });
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(bound.likely);
    expect(bound.likely).toBeLessThan(0.1);
    expect(activationSteps(prepared.plan)).toHaveLength(1);
  });

  test('a slope of 1 or more is refused at its node', async () => {
    await expect(compared('LeakyRelu', { alpha: 1.5 })).rejects.toThrow(PlanError);
    await expect(compared('LeakyRelu', { alpha: 1.5 })).rejects.toThrow(
      /node node \(LeakyRelu\).*slope is 1.5/,
    );
  });
});

describe('the plan of picks and combinations', () => {
  test('goes over the wire and back', async () => {
    for (const { prepared } of [
      await compared('MaxPool', window),
      await compared('Clip', { min: -1, max: 1 }),
    ]) {
      expect(planHash(parsePlan(serialisePlan(prepared.plan)))).toBe(planHash(prepared.plan));
    }
  });

  test.each([
    ['an index beyond the axis', { first: [0, 9], second: [0, 1] }],
    ['lists of two lengths', { first: [0, 1] }],
    ['an axis that is not there', { axis: 3 }],
    ['a sign of 2', { sign: 2 }],
  ])('%s is refused', async (_name, wrong) => {
    const { plan } = (await compared('MaxPool', window)).prepared;
    const steps = plan.steps.map((step) => (step.kind === 'combine' ? { ...step, ...wrong } : step));
    const bytes = serialisePlan({ ...plan, steps } as Plan);
    expect(() => parsePlan(bytes)).toThrow(ProtocolError);
  });
});

test('shapes of the compared outputs are what the windows give', async () => {
  const { shape } = await compared('MaxPool', { ...window, ceilMode: true });
  expect(sizeOf(shape)).toBe(4 * 4 * 3);
});
