import { describe, expect, test } from 'vitest';
import { jobsOf, budgetTexts } from '../../../pipelines/pareto/grid.ts';
import { jobId, methodSettings } from '../../../pipelines/pareto/job.ts';
import { frontOf, measuresOf, pointsOf } from '../../../pipelines/pareto/points.ts';
import type { Measure } from '../../../pipelines/pareto/points.ts';
import { isOriginal, parseMethods, seriesName } from '../../../pipelines/pareto/series.ts';
import { estimate, quantile975 } from '../../../pipelines/pareto/statistics.ts';
import { RunStore } from '../../../pipelines/pareto/store.ts';
import type { MethodName } from '../../../pipelines/reduce/methods.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { addDone, circaSetting, owner, sampleCost, sampleSpec } from './sample.ts';

describe('a sweep as the command line gives it', () => {
  const shared = {
    network: 'n',
    networkHash: '1',
    data: 'd',
    dataHash: '2',
    epochs: 3,
    searchEpochs: null,
    replace: null,
    pretrainEpochs: null,
    agreement: null,
  } as const;

  test('is the original and every method, budget and seed; all budgets before the second seed', () => {
    const methods = parseMethods('deepreduce, deepreduce+circa', circaSetting);
    const jobs = jobsOf({ ...shared, methods, budgets: ['0.5', '100'], seeds: 2 });
    expect(jobs.map((spec) => `${seriesName(spec)} ${spec.budget} ${spec.seed}`)).toEqual([
      'original 1 1',
      'deepreduce 0.5 1',
      'deepreduce+circa 0.5 1',
      'deepreduce 100 1',
      'deepreduce+circa 100 1',
      'deepreduce 0.5 2',
      'deepreduce+circa 0.5 2',
      'deepreduce 100 2',
      'deepreduce+circa 100 2',
    ]);
    expect(new Set(jobs.map(jobId)).size).toBe(9);
  });

  test('a budget in seconds or bytes is for hybrid alone', () => {
    const grid = { ...shared, budgets: ['0.5', '0.3s@wan'], seeds: 1 };
    const jobs = jobsOf({ ...grid, methods: parseMethods('snl,hybrid,hybrid+circa', circaSetting) });
    expect(jobs.slice(1).map((spec) => `${seriesName(spec)} ${spec.budget}`)).toEqual([
      'snl 0.5',
      'hybrid 0.5',
      'hybrid+circa 0.5',
      'hybrid 0.3s@wan',
      'hybrid+circa 0.3s@wan',
    ]);
    expect(() => jobsOf({ ...grid, methods: parseMethods('snl', circaSetting) })).toThrow(UsageError);
  });

  test('a job is another one when anything but the name of its network differs', () => {
    const id = jobId(sampleSpec());
    expect(jobId(sampleSpec({ network: 'copy.onnx' }))).toBe(id);
    const changes = [
      { networkHash: 'x' },
      { data: 'x' },
      { dataHash: 'x' },
      { method: 'original' },
      { circa: circaSetting },
      { circa: { ...circaSetting, tolerance: 0.01 } },
      { budget: '0.25' },
      { seed: 2 },
      { epochs: 3 },
      { searchEpochs: 1 },
      { replace: 'identity' },
      { granularity: 'channel' },
      { pretrainEpochs: 1 },
      { ranking: 'taylor' },
      { featureLoss: 1000 },
      { rangeLoss: 1000 },
      { agreement: 0.99 },
      { agreement: 0.9 },
    ] as const;
    expect(new Set([id, ...changes.map((change) => jobId(sampleSpec(change)))]).size).toBe(
      changes.length + 1,
    );
  });

  test('jobs without additions keep the ids that they have in stores of the first version', () => {
    // Written by the first version into a store of its own.
    expect(jobId(sampleSpec())).toBe('30274cf6c4d4ad8b');
    expect(
      jobId(sampleSpec({ method: 'snl', searchEpochs: 3, replace: 'affine', circa: circaSetting })),
    ).toBe('253ed0e99bb8da23');
  });

  test("a method's own replacement goes before that of the sweep, and no job is there twice", () => {
    const methods = parseMethods('snl,snl+affine,snl+none', circaSetting);
    const jobs = jobsOf({ ...shared, methods, budgets: ['0.5'], seeds: 1, replace: 'affine' });
    expect(jobs.map(seriesName)).toEqual(['original', 'snl+affine', 'snl+none']);
  });

  test("a method's own agreement goes before that of the sweep, which the original has too", () => {
    const methods = parseMethods('snl,snl+agreement=0.95+circa', circaSetting);
    const names = (agreement: number | null) =>
      jobsOf({ ...shared, methods, budgets: ['0.5'], seeds: 1, agreement }).map(seriesName);
    expect(names(null)).toEqual(['original', 'snl', 'snl+agreement=0.95+circa']);
    expect(names(0.99)).toEqual([
      'original+agreement=0.99',
      'snl+agreement=0.99',
      'snl+agreement=0.95+circa',
    ]);
    expect(['original', 'original+agreement=0.99', 'snl+agreement=0.99'].map(isOriginal)).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('an agreement is a setting of the reduction only where it counts a budget with the bits', () => {
    const settings = (method: MethodName, budget: string) =>
      methodSettings(method, sampleSpec({ method, budget, agreement: 0.99 }));
    expect(settings('hybrid', '0.3s@wan')).toEqual({ agreement: 0.99 });
    expect(settings('hybrid', '0.5')).toEqual({});
    expect(settings('snl', '0.5')).toEqual({});
  });

  test('a ranking and weights of losses are additions, and a series each', () => {
    const text = 'autorep+taylor,autorep+range-loss=0.001+feature-loss=1000,autorep+feature-loss=5e2+circa';
    const methods = parseMethods(text, circaSetting);
    const jobs = jobsOf({ ...shared, methods, budgets: ['0.5'], seeds: 1 });
    expect(jobs.map(seriesName)).toEqual([
      'original',
      'autorep+taylor',
      'autorep+feature-loss=1000+range-loss=0.001',
      'autorep+feature-loss=500+circa',
    ]);
    expect(jobs.map(({ ranking, featureLoss, rangeLoss }) => [ranking, featureLoss, rangeLoss])).toEqual([
      [null, null, null],
      ['taylor', null, null],
      [null, 1000, 0.001],
      [null, 500, null],
    ]);
  });

  test.each([
    ['snl+taylor', /option ranking: snl does not take it; autorep and hybrid do/],
    ['snl+feature-loss', /expected \+feature-loss=1000, or another number above 0/],
    ['snl+feature-loss=', /expected \+feature-loss=1000/],
    ['snl+range-loss=-1', /expected \+range-loss=0\.001, or another number above 0/],
    ['snl+range-loss=many', /expected \+range-loss/],
    ['snl+agreement', /expected \+agreement=0\.99, or another number from 0\.5 to 0\.9999/],
    ['snl+agreement=1', /another number from 0\.5 to 0\.9999/],
    ['snl+agreement=0.4', /another number from 0\.5 to 0\.9999/],
    ['snl+pixel=2', /expected \+pixel, \+channel without a number/],
    ['snl+feature-loss=1+feature-loss=2', /at most one of \+feature-loss=1000/],
  ])("'%s' is a usage error", (text, message) => {
    expect(() => parseMethods(text, circaSetting)).toThrow(UsageError);
    expect(() => parseMethods(text, circaSetting)).toThrow(message);
  });

  test("epochs of deepreshape's network are of its jobs alone, and refused without any", () => {
    const grid = { ...shared, budgets: ['0.5'], seeds: 1, pretrainEpochs: 7 };
    const jobs = jobsOf({ ...grid, methods: parseMethods('snl,deepreshape', circaSetting) });
    expect(jobs.map(({ pretrainEpochs }) => pretrainEpochs)).toEqual([null, null, 7]);
    expect(() => jobsOf({ ...grid, methods: parseMethods('snl', circaSetting) })).toThrow(
      /option pretrain-epochs: .* not take it; deepreshape does/,
    );
  });

  test('budgets that are the same number are one; what is no number stays', () => {
    expect(budgetTexts('0.50, 0.5,.25,12000, 0.3s@wan,')).toEqual(['0.5', '0.25', '12000', '0.3s@wan']);
    for (const text of [' ,', '0.5,half', '-1', '0.3s@moon'])
      expect(() => budgetTexts(text)).toThrow(UsageError);
  });

  test('a method takes an addition of each kind, in any order: one series', () => {
    const own = {
      ...{ method: 'autorep', granularity: 'channel', replace: 'quadratic', circa: circaSetting },
      ...{ ranking: null, featureLoss: null, rangeLoss: null, agreement: null },
    };
    const text = 'autorep+channel+quadratic+circa,autorep+circa+quadratic+channel,snl,deepreduce+none';
    const series = parseMethods(text, circaSetting);
    expect(series[0]).toEqual(own);
    expect(series.map(seriesName)).toEqual(['autorep+channel+quadratic+circa', 'snl', 'deepreduce+none']);
  });

  test.each([
    ['snail', /'snail' is not known; there are deepreduce, snl/],
    ['original', /'original' is not known/],
    ['deepreduce+', /'\+' is not known/],
    ['deepreduce+cira', /'\+cira' is not known; .*\+circa/],
    ['deepreduce+circa+circa', /expected at most one of \+circa$/],
    [
      'snl+none+affine',
      /'snl\+none\+affine': expected at most one of \+none, \+identity, \+affine, \+quadratic, \+mixed$/,
    ],
    ['snl+pixel+channel', /expected at most one of \+pixel, \+channel$/],
    [
      'deepreduce+channel',
      /option granularity: deepreduce does not take it; snl, autorep, taylor and deepreshape do$/,
    ],
    ['hybrid+pixel', /option granularity: hybrid does not take it; snl, autorep, taylor and deepreshape do$/],
    ['', /expected names/],
  ])("'%s' is no list of methods", (text, message) => {
    const parsing = () => parseMethods(text, circaSetting);
    expect(parsing).toThrow(UsageError);
    expect(parsing).toThrow(message);
  });
});

describe('mean and interval', () => {
  test("of three values: Student's t with two degrees of freedom", () => {
    // s = 1, 4.303 / sqrt(3) = 2.484
    const { mean, interval, n } = estimate([1, 2, 3]);
    expect([mean, n]).toEqual([2, 3]);
    expect(interval![0]).toBeCloseTo(2 - 2.484, 3);
    expect(interval![1]).toBeCloseTo(2 + 2.484, 3);
  });

  test('one value has no interval', () => {
    expect(estimate([0.9])).toEqual({ mean: 0.9, interval: null, n: 1 });
  });

  test('the quantiles are those of the tables', () => {
    // R: qt(0.975, c(1, 10, 11, 20, 30, 120))
    const known = [12.7062, 2.2281, 2.20099, 2.08596, 2.04227, 1.97993];
    [1, 10, 11, 20, 30, 120].forEach((degrees, i) => {
      expect(Math.abs(quantile975(degrees) - known[i]!)).toBeLessThan(0.0005);
    });
  });
});

describe('the front', () => {
  const relus: Measure = measuresOf([]).at(-1)!;
  const point = (id: string, x: number, y: number) => ({
    id,
    relus: estimate([x]),
    accuracy: estimate([y]),
    costs: [],
  });

  test('is what nothing beats: equal cost and lower accuracy is beaten, equal both stays', () => {
    const points = [
      point('cheap', 10, 0.5),
      point('dear', 100, 0.9),
      point('beaten', 100, 0.8),
      point('worse and dearer', 50, 0.4),
      point('equal', 10, 0.5),
      point('between', 50, 0.6),
    ];
    expect([...frontOf(points, relus)].toSorted()).toEqual(['between', 'cheap', 'dear', 'equal']);
  });

  test('a point without the figure is on none', () => {
    const latency = measuresOf(['lan']).find(({ name }) => name === 'online-lan')!;
    expect(frontOf([point('a', 1, 1)], latency).size).toBe(0);
  });
});

describe('points of a store', () => {
  using store = new RunStore(':memory:');
  [0.9, 0.92, 0.91].forEach((accuracy, i) => {
    addDone(store, sampleSpec({ seed: i + 1 }), 5000 + i, accuracy);
  });
  addDone(store, sampleSpec({ method: 'original', budget: '1', epochs: 0 }), 10_000, 0.95);
  addDone(store, sampleSpec({ circa: circaSetting }), 5000, 0.5);
  const [failing] = store.add([sampleSpec({ seed: 4 })]);
  store.take([failing!], owner);
  store.fail(failing!, owner, 'no');
  const measured = store.runs()[0]!;
  store.addCost(measured.id, sampleCost(5000, 'loopback', 'measured'), measured.result!.machine);
  const points = pointsOf(store.runs(), ['lan', 'wan']);

  test('seeds are one point, the original comes first, then series', () => {
    expect(points.map(({ series, runs }) => [series, runs.length])).toEqual([
      ['original', 1],
      ['deepreduce', 3],
      ['deepreduce+circa', 1],
    ]);
    const [, reduced] = points;
    expect(reduced!.relus.mean).toBe(5001);
    expect(reduced!.clearAccuracy.mean).toBeCloseTo(0.91, 12);
    expect(reduced!.accuracy.mean).toBeCloseTo(0.909, 12);
    expect(reduced!.state).toEqual({ failed: 1, unfinished: 0 });
  });

  test('runs that differ in replacement or granularity, wherever it was said, are no mean and no line', () => {
    using other = new RunStore(':memory:');
    const changes = [{}, { replace: 'affine' }, { granularity: 'channel' }] as const;
    changes.forEach((change, i) => addDone(other, sampleSpec({ method: 'snl', ...change }), 5000 + i, 0.9));
    expect(pointsOf(other.runs(), ['lan']).map(({ series, runs }) => [series, runs.length])).toEqual([
      ['snl', 1],
      ['snl+affine', 1],
      ['snl+channel', 1],
    ]);
  });

  test('each is told apart into predicted and measured, and marked where it is on a front', () => {
    const [original, reduced, circa] = points;
    expect([original!.isMeasured, reduced!.isMeasured]).toEqual([false, true]);
    expect(reduced!.costs.map(({ source, profile }) => `${source} ${profile}`)).toEqual([
      'predicted lan',
      'predicted loopback',
      'predicted wan',
      'measured loopback',
    ]);
    expect(original!.onFront).toEqual(measuresOf(['lan', 'wan']).map(({ name }) => name));
    expect(reduced!.onFront).toContain('online-wan');
    expect(circa!.onFront).toContain('relus'); // one ReLU fewer than the mean of the three
  });

  test('a figure is the mean of its runs', () => {
    const online = measuresOf(['wan']).find(({ name }) => name === 'online-wan')!;
    expect(online.of(points[1]!)).toBeCloseTo(30e-5 * 5001, 9);
    const bytes = measuresOf([]).find(({ name }) => name === 'bytes')!;
    expect(bytes.of(points[1]!)).toBeCloseTo((1000 + 750 * 5001) / 1e6, 9);
  });
});

test('what users pay comes first: seconds, then bytes, and ReLUs last', () => {
  const names = measuresOf(['lan', 'wan']).map(({ name }) => name);
  expect(names).toEqual(['online-lan', 'total-lan', 'online-wan', 'total-wan', 'bytes', 'relus']);
});
