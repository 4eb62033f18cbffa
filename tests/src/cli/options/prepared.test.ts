import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { resnet } from '../../../../models/architectures/resnet.ts';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { heldOut, splitValidation, validationSeed } from '../../../../models/data/splits.ts';
import { saveModel } from '../../../../models/files/write.ts';
import type { Model } from '../../../../models/graph.ts';
import { fit } from '../../../../models/train/fit.ts';
import { trainingDefaults } from '../../../../models/train/train-architecture.ts';
import { calibrationOf, prepare, servedPlan } from '../../../../pipelines/compile/served-plan.ts';
import { costIn, parseBudget } from '../../../../pipelines/cost/budget.ts';
import type { CostBudget } from '../../../../pipelines/cost/budget.ts';
import { predictLatency } from '../../../../pipelines/cost/latency.ts';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import { methodNames } from '../../../../pipelines/reduce/methods.ts';
import { reduce, trainingData } from '../../../../pipelines/reduce/reduce.ts';
import { preparedModel } from '../../../../src/cli/options/prepared.ts';
import * as api from '../../../../src/index.ts';
import { silent } from '../../../../src/shared/progress.ts';
import { dearRelus } from '../../../helpers/protocol/machine.ts';
import { cliJson, cliServer, quiet } from '../../../helpers/processes/cli.ts';
import { folderWith } from '../../../helpers/data/image-files.ts';
import { npzOf } from '../../../helpers/data/npz.ts';
import { seededRng } from '../../../helpers/rng.ts';

const seed = 3;
const shape = [3, 8, 8];
const size = 3 * 8 * 8;

/**
 * Of three classes; those that a reduction holds out have the largest contrast, so that without
 * them scales are others.
 */
function contrasts(n: number): Dataset {
  const labels = Uint8Array.from({ length: n }, (_, i) => i % 3);
  const held = heldOut(labels, 3, trainingDefaults.validationFraction, validationSeed);
  const images = seededRng('contrasts')
    .bytes(n * size)
    .map((byte, i) => {
      const row = Math.floor(i / size);
      const contrast = held[row] === 1 ? 0.8 : 0.4;
      return 128 + contrast * (byte - 128) + 5 * labels[row]!;
    });
  return { name: 'contrasts', classes: ['0', '1', '2'], shape, images, labels, n };
}

let folder: string;
let data: string;
let network: Model;
beforeAll(async () => {
  const set = contrasts(240);
  folder = await folderWith({ 'tiny.npz': npzOf(set, set) });
  data = `npz:${join(folder, 'tiny.npz')}`;
  const options = { name: 'tiny', inChannels: 3, size: 8, classes: 3, widths: [4, 6], blocks: [1, 1] };
  const untrained = resnet({ ...options, stemRelu: true }, seededRng('tiny'));
  const halves = splitValidation(set, trainingDefaults.validationFraction);
  const training = { seed, epochs: 8, batch: 32, learningRate: 0.05, threads: 1, augment: false };
  network = (await fit(untrained, { ...halves, ...training })).model;
});

/** The hash of the plan that `serve`, `plan`, `evaluate --private` and the others make of a file. */
async function servedHash(file: string): Promise<string> {
  return planHash((await preparedModel(file, data, quiet)).plan);
}

describe('a reduced network is served by the plan that its reduction predicts', () => {
  const options = { seed, epochs: 1, threads: 1, onProgress: silent };

  test.each(methodNames)('%s', async (method) => {
    const { calibration, train } = await trainingData(network, data);
    const search = method === 'deepreduce' ? {} : { searchEpochs: 1 };
    const { model } = await reduce(network, { ...options, ...search, data, method, budget: 0.5 });
    const file = join(folder, `${method}.onnx`);
    await saveModel(file, model);
    const served = await servedHash(file);
    expect(planHash(await servedPlan(model, { calibration }))).toBe(served);
    // What is left of the training set calibrates another plan.
    expect(planHash(await servedPlan(model, { calibration: train }))).not.toBe(served);
  });

  test.each([
    ['1s@lan', 0.95, 1],
    ['1s@lan:total', 0.6, 0],
  ])('hybrid to a share of its %s: the plan that met the budget', async (text, share, searchEpochs) => {
    const { calibration } = await trainingData(network, data);
    const unit = parseBudget(text) as CostBudget;
    const costOf = (plan: api.Plan) => costIn(unit, predictLatency(plan, unit.profile, dearRelus));
    const budget = { ...unit, limit: share * costOf(await servedPlan(network, { calibration })) };
    // Lines: squares fitted to the calm images of the split would leave every range on the others.
    const own = {
      ...options,
      data,
      method: 'hybrid',
      replace: 'affine',
      searchEpochs,
      machine: dearRelus,
    } as const;
    const reduction = await reduce(network, { ...own, budget });
    const file = join(folder, 'hybrid-to-cost.onnx');
    await saveModel(file, reduction.model);
    const { plan } = await preparedModel(file, data, quiet);
    expect(reduction.cost!.planHash).toBe(planHash(plan));
    expect(reduction.cost!.after).toBe(costOf(plan));
    expect(costOf(plan)).toBeLessThanOrEqual(budget.limit);
  });
});

describe('the same model and data have one plan', () => {
  let file: string;
  let served: string;
  beforeAll(async () => {
    file = join(folder, 'network.onnx');
    await saveModel(file, network);
    served = await servedHash(file);
  });

  test('of the library', async () => {
    const calibration = await api.loadDataset(data, 'train');
    const { plan } = await api.prepare(await api.loadModel(file), { calibration });
    expect(api.planHash(plan)).toBe(served);
    // The network in memory, which nobody has written.
    expect(api.planHash((await api.prepare(network, { calibration })).plan)).toBe(served);
  });

  test('of plan, serve and bench model', async () => {
    const planned = cliJson<{ hash: string }>(['plan', file, '--data', data]);
    const benched = cliJson<{ plan_hash: string; calibrated_on: string }>([
      ...['bench', 'model', file, '--data', data, '--threads', '1'],
    ]);
    const server = await cliServer(['serve', file, '--data', data, '--port', '0', '--json']);
    const { plan_hash } = JSON.parse(server.said) as { plan_hash: string };
    await server.stop();
    expect(plan_hash).toBe(served);
    expect((await planned).hash).toBe(served);
    expect(await benched).toMatchObject({ plan_hash: served, calibrated_on: data });
  });
});

test('images of another size or shape calibrate nothing', async () => {
  const calibration = { images: new Float32Array(2 * 64), n: 2 };
  await expect(prepare(network, { calibration })).rejects.toThrow(
    /tiny takes images of \[3, 8, 8\], got 128/,
  );
  const grey = { ...contrasts(6), shape: [1, 8, 8], images: new Uint8Array(6 * 64) };
  await expect(prepare(network, { calibration: grey })).rejects.toThrow(api.DataError);
  const flat = { ...contrasts(6), shape: [1, 8, 24] };
  const refusal =
    /^contrasts: its images are \[1, 8, 24\], but tiny takes images of \[3, 8, 8\]; forms with @SIZE resize them: @8x8$/;
  await expect(prepare(network, { calibration: flat })).rejects.toThrow(refusal);
  await expect(servedPlan(network, { calibration: calibrationOf(flat) })).rejects.toThrow(refusal);
});
