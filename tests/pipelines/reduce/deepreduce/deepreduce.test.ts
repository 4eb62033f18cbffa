import { replacedElements } from '../../../../models/passes/replaced-elements.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Model } from '../../../../models/graph.ts';
import { inferShapes } from '../../../../models/analysis/shapes.ts';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { rankStages } from '../../../../pipelines/reduce/deepreduce/criticality.ts';
import { deepreduce } from '../../../../pipelines/reduce/deepreduce/deepreduce.ts';
import { chooseCulled, selectionOf } from '../../../../pipelines/reduce/deepreduce/selection.ts';
import type { Selection, SelectionOptions } from '../../../../pipelines/reduce/deepreduce/selection.ts';
import { parseStages, stagesBy } from '../../../../pipelines/reduce/deepreduce/stages.ts';
import { phasesOf } from '../../../../pipelines/reduce/deepreduce/stagewise.ts';
import { resolveBudget } from '../../../../pipelines/reduce/reduction.ts';
import type { ProgressEvent } from '../../../../src/shared/progress.ts';
import { tinyDataset } from '../../../helpers/data/data.ts';
import { tinyMobilenet, tinyResnet } from '../../../helpers/networks/networks.ts';
import { rawModel } from '../../../helpers/networks/onnx.ts';
import { readModel } from '../../../../models/files/read.ts';
import { writeModel } from '../../../../models/files/write.ts';

const stage = (name: string, relus: number) => ({ name, resolution: [1, 1], nodes: [name], relus });

describe('criticality', () => {
  test('by hand', () => {
    const ranked = rankStages([stage('S1', 1000), stage('S2', 500), stage('S3', 100)], [0.5, 0.7, 0.69]);
    expect(ranked.map(({ stage: s }) => s.name)).toEqual(['S1', 'S2', 'S3']);
    expect(ranked.map((r) => r.criticality)).toEqual(
      [0, 0.2 / 500 ** 0.07, (0.69 - 0.5) / 100 ** 0.07].map(near),
    );
  });

  test('of equal stages the larger goes first', () => {
    const ranked = rankStages([stage('S1', 10), stage('S2', 20)], [0.5, 0.5]);
    expect(ranked.map(({ stage: s }) => s.name)).toEqual(['S2', 'S1']);
  });

  const near = (value: number) => expect.closeTo(value, 12) as number;
});

const data = { train: tinyDataset(64, 'train'), validation: tinyDataset(30, 'validation') };
const short = { ...data, epochs: 1, batch: 32, seed: 1, threads: 1 };

test('whole stages become polynomials, and of the next what is over the budget', async () => {
  const { log, relusAfter, criticality } = await deepreduce(tinyResnet(), { ...short, budget: 150 });
  expect(relusAfter).toBe(150);
  expect(log.reduce((sum, entry) => sum + entry.poly, 0)).toBe(960 - 150);
  const culled = log.filter((entry) => entry.reason.endsWith('culled whole'));
  const order = criticality.map(({ stage: s }) => s.relus);
  expect(culled.length).toBe(order[0] === 768 ? 3 : 2);
  expect(culled.every((entry) => entry.relus_after === 0)).toBe(true);
});

describe('a selection', () => {
  const given = ['S1', 'S2'];
  const ranked = (model: Model, order: readonly string[]) =>
    order.map((name) => {
      const found = stagesBy(model, undefined).find((one) => one.name === name)!;
      return { stage: found, accuracy: NaN, criticality: NaN };
    });
  const select = (surplus: number, options: Partial<SelectionOptions> = {}) => {
    const model = tinyResnet();
    return selectionOf(model, ranked(model, given), { surplus, thinning: 'elements', ...options });
  };
  const told = ({ culled, cuts }: Selection) => [
    culled.map(({ stage: { name } }) => name),
    cuts.map((cut) => [cut.stage.stage.name, cut.count, cut.relus]),
  ];

  test('takes what is left from the least critical stage that is not culled, then from the next', () => {
    expect(told(select(700))).toEqual([[], [['S1', 700, 768]]]);
    expect(told(select(800))).toEqual([['S1'], [['S2', 32, 192]]]);
    expect(told(select(800, { cull: [] }))).toEqual([[], [['S1', 768, 768], ['S2', 32, 192]]]); // prettier-ignore
    expect(told(select(200, { cull: ['S2'] }))).toEqual([['S2'], [['S1', 8, 768]]]);
  });

  test('by layers takes every other layer of all stages before any other', () => {
    const layers = { thinning: 'layers', cull: [] } as const;
    expect(told(select(300, layers))[1]).toEqual([['S1', 256, 256], ['S2', 44, 96]]); // prettier-ignore
    expect(told(select(400, layers))[1]).toEqual([
      ['S1', 256, 256],
      ['S2', 96, 96],
      ['S1', 48, 512],
    ]);
  });

  test('refuses stages that are not there or have more ReLUs than may go', () => {
    expect(() => select(700, { cull: ['S3'] })).toThrow(/there is no stage S3 with ReLUs; there are S1, S2/);
    expect(() => select(700, { cull: ['S1'] })).toThrow(
      /stages S1 have 768 ReLUs, but the budget removes 700/,
    );
  });
});

describe('settings', () => {
  test('an order that is given is taken, most critical first, and nothing is measured', async () => {
    const phases = new Set<string>();
    const options = {
      ...short,
      budget: 700,
      onProgress: ({ phase }: ProgressEvent) => void phases.add(phase),
    };
    for (const order of [
      ['S1', 'S2'],
      ['S2', 'S1'],
    ]) {
      // prettier-ignore
      const { criticality, log } = await deepreduce(tinyResnet(), { ...options, deepreduce: { order } });
      expect(criticality.map(({ stage: s }) => s.name)).toEqual(order.toReversed());
      const cut = log.filter(({ poly }) => poly > 0);
      expect(cut.map(({ stage: name }) => name)).toContain(order[1]);
      expect(cut[0]!.reason).toMatch(/\(in the given order\)/);
    }
    expect(phases).not.toContain('criticality');
    await expect(deepreduce(tinyResnet(), { ...options, deepreduce: { order: ['S1'] } })).rejects.toThrow(
      /order: expected each of the stages S1, S2 once, most critical first; got S1/,
    );
  });

  test('ReLUs are chosen by what their own replacement costs', async () => {
    const kept = async (replace: 'identity' | 'quadratic') => {
      const { model } = await deepreduce(tinyResnet(), {
        ...short,
        budget: 500,
        replace,
        deepreduce: { order: ['S2', 'S1'] },
      });
      const node = model.graph.nodes.find(({ name }) => name === 'stem.relu')!;
      return node.op === 'MixedActivation' ? node.attributes.kinds.map((kind) => (kind === 1 ? 1 : 0)) : [];
    };
    const [lines, squares] = [await kept('identity'), await kept('quadratic')];
    expect(lines.length).toBeGreaterThan(0);
    expect(lines).not.toEqual(squares);
  });

  const last = 'stage2.block0.relu2';
  test('thinning by layers takes the second ReLU of each block first', async () => {
    // two stages whose order is known: S2's 192 go, and of S1's 768 as many as its one thinned layer has
    const stages = parseStages('whole=*');
    const { log } = await deepreduce(tinyResnet(), {
      ...short,
      budget: 960 - 256 - 96,
      deepreduce: { stages, thinning: 'layers' },
    });
    const gone = log.filter(({ relus_after }) => relus_after === 0).map(({ layer }) => layer);
    expect(gone).toEqual(['stage1.block0.relu2', last]);
    expect(log[0]!.reason).toMatch(/of its 960 ReLUs are replaced, those of every other layer first/);
    expect(new Set(log.map(({ stage: name }) => name))).toEqual(new Set(['whole']));
  });

  test.each([
    ['identity', 'identity'],
    ['affine', 'poly'],
    ['quadratic', 'poly'],
    ['none', 'poly'],
  ] as const)('ReLUs that are replaced by %s', async (replace, counted) => {
    const { log, model } = await deepreduce(tinyResnet(), { ...short, budget: 500, replace });
    expect(log.reduce((sum, entry) => sum + entry[counted], 0)).toBe(460);
    const mixed = model.graph.nodes.filter(({ op }) => op === 'MixedActivation');
    const isZero = (position: number) =>
      mixed.every(({ inputs }) => model.weights.get(inputs[position]!)!.data.every((c) => c === 0));
    // x^2, x and 1 after training: an affine replacement stays affine
    const zeros = [1, 2, 3].map(isZero);
    expect(zeros).toEqual(
      {
        identity: [true, true, true],
        affine: [true, false, false],
        quadratic: [false, false, false],
        none: [true, true, true],
      }[replace],
    );
  });

  test('reshaped first: narrower layers and smaller maps count in the log as gone', async () => {
    const { log, model, relusAfter } = await deepreduce(tinyResnet(), {
      ...short,
      budget: 100,
      deepreduce: { alpha: 0.5, rho: 0.5 },
    });
    expect(inferShapes(model).get('stage1.block0.conv1')).toEqual([2, 4, 4]);
    expect(relusAfter).toBe(100); // of 3 x 2 x 16 + 2 x 3 x 4 = 120
    for (const { relus_before, relus_after, identity, poly, gone = 0 } of log)
      expect(relus_after + identity + poly + gone).toBe(relus_before);
    expect(log.map(({ gone }) => gone)).toEqual([224, 224, 224, 84, 84]);
    expect(log[0]!.reason).toMatch(/^channels x 0\.5, height and width x 0\.5; stage S1/);
  });

  test('a reshaped network with fewer ReLUs than the budget loses no more', async () => {
    const { log, relusAfter } = await deepreduce(tinyResnet(), {
      ...short,
      budget: 500,
      deepreduce: { alpha: 0.5 },
    });
    expect(relusAfter).toBe(480);
    expect(log.every(({ poly, identity }) => poly + identity === 0)).toBe(true);
  });

  test('what stays of another activation in a layer that is cut is a plain ReLU, and the log says so', async () => {
    const { log } = await deepreduce(tinyMobilenet(), { ...short, budget: 1500 });
    const cut = log.filter(({ relus_after, poly }) => relus_after > 0 && poly > 0);
    expect(cut.length).toBeGreaterThan(0);
    for (const { reason } of cut) expect(reason).toMatch(/; what stays of its Clip is a plain ReLU$/);
    for (const { reason, poly } of log) expect(poly > 0 || !reason.includes('plain')).toBe(true);
  });

  test("criticality in the paper's form trains a network for each stage", async () => {
    const trained = new Set<string>();
    const { criticality } = await deepreduce(tinyResnet(), {
      ...short,
      budget: 500,
      deepreduce: { criticality: 'trained' },
      onProgress: ({ phase, of }) => void (phase === 'criticality-training' && trained.add(of!)),
    });
    expect([...trained]).toEqual(['S1', 'S2']);
    expect(criticality[0]!.criticality).toBe(0);
    expect(criticality.map(({ stage: s }) => s.name).sort()).toEqual(['S1', 'S2']);
  });
});

test('stopped between two trainings, it goes on and ends with the same weights', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reluctant-deepreduce-'));
  try {
    const work = { ...short, epochs: 3, budget: 100, checkpoint: folder };
    const stop = ({ phase, training }: ProgressEvent) => {
      if (phase === 'fine-tuning' && training!.epoch === 2) throw new Error('stopped');
    };
    await expect(deepreduce(tinyResnet(), { ...work, onProgress: stop })).rejects.toThrow('stopped');
    const trained: ProgressEvent[] = [];
    const onProgress = (event: ProgressEvent) => void (event.training && trained.push(event));
    const resumed = await deepreduce(tinyResnet(), { ...work, onProgress });
    expect(trained).not.toEqual([]);
    for (const event of trained)
      expect(event).toMatchObject({ phase: 'fine-tuning', training: { epoch: 2, epochs: 2 } });
    const whole = await deepreduce(tinyResnet(), { ...short, epochs: 3, budget: 100 });
    expect(Buffer.compare(writeModel(resumed.model), writeModel(whole.model))).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe('phases', () => {
  const stages = [stage('S1', 10), stage('S2', 20), stage('S3', 5)].map((s) => ({ ...s, nodes: [s.name] }));
  const replaced = replacedElements(
    ['S3', 'S1', 'S2'].map((name) => [name, Uint8Array.of(name === 'S2' ? 0 : 1)]),
  );
  const work = { model: tinyResnet(), teacher: tinyResnet(), replaced, stages, recover: false };
  const sample = { images: new Float32Array(128), n: 1 };
  const names = (epochs: number, recover: boolean) =>
    phasesOf({ ...work, sample, recover }, epochs).map(({ name, replaced: own }) => [name, [...own.keys()]]);
  test('are the stages that lose ReLUs, from the input on', () => {
    expect(names(4, false)).toEqual([
      ['stage S1', ['S1']],
      ['stage S3', ['S3']],
    ]);
  });
  test('begin with an epoch for a reshaped network to recover', () => {
    expect(names(3, true).map(([name]) => name)).toEqual(['reshaping', 'stage S1', 'stage S3']);
  });
  test('are no more than the epochs', () => {
    expect(names(2, true)).toEqual([
      ['reshaping', []],
      ['the rest', ['S1', 'S3']],
    ]);
    expect(names(1, true)).toEqual([['the rest', ['S1', 'S3']]]);
  });
});

test('a budget of nothing culls every stage', async () => {
  const { log, model } = await deepreduce(tinyResnet(), { ...short, budget: 0 });
  expect(countRelus(model)).toBe(0);
  expect(log.every((entry) => entry.relus_after === 0 && entry.poly === entry.relus_before)).toBe(true);
});

test('culling stops before it would go below the budget', () => {
  const ranked = [stage('S2', 500), stage('S1', 1000), stage('S3', 100)].map((s) => ({
    stage: s,
    accuracy: 0,
    criticality: 0,
  }));
  const names = (surplus: number) => chooseCulled(ranked, surplus).map(({ stage: s }) => s.name);
  expect(names(499)).toEqual([]);
  expect(names(500)).toEqual(['S2']);
  expect(names(1499)).toEqual(['S2']); // not S3 in place of S1
  expect(names(1500)).toEqual(['S2', 'S1']);
});

describe('resolveBudget', () => {
  const model = tinyResnet(); // 3 x 4 x 64 + 2 x 6 x 16 = 960
  test('takes a count or a share', () => {
    expect(resolveBudget(model, 100)).toBe(100);
    expect(resolveBudget(model, 0.251)).toBe(240);
    expect(resolveBudget(model, 0)).toBe(0);
  });
  test.each([-1, 1.5, NaN, Infinity])('refuses %d', (budget) => {
    expect(() => resolveBudget(model, budget)).toThrow(/expected a count of ReLUs or a share/);
  });
  test('refuses what there is no need or no way to meet', () => {
    expect(() => resolveBudget(model, 960)).toThrow(/expected fewer than the network's 960 ReLUs, got 960/);
    const pooled = rawModel(
      ['N', 1, 4, 4],
      [
        { op: 'Relu', inputs: ['x'], outputs: ['r'] },
        { op: 'MaxPool', inputs: ['r'], outputs: ['y'], attributes: { kernel_shape: { ints: [2, 2] } } },
      ],
    );
    expect(() => resolveBudget(readModel(pooled, 'pooled.onnx'), 5)).toThrow(
      /expected at least the 27 ReLUs of the max poolings/,
    );
  });
});
