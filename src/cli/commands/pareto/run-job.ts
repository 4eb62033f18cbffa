import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDataset, pixels } from '../../../../models/data/dataset.ts';
import { hashDataset } from '../../../../models/data/hash-dataset.ts';
import type { Dataset, Split } from '../../../../models/data/dataset.ts';
import { seededRng } from '../../../../models/data/seeded.ts';
import type { Device } from '../../../../models/runtime/device.ts';
import type { Model } from '../../../../models/graph.ts';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { readModel } from '../../../../models/files/read.ts';
import { writeModel } from '../../../../models/files/write.ts';
import { argmaxOfRows } from '../../../../models/tensor.ts';
import { predictClasses, scored } from '../../../../models/train/evaluate.ts';
import { fitted } from '../../../../models/data/fitted.ts';
import type { EngineName } from '../../../../models/train/engines/names.ts';
import { parseBudget } from '../../../../pipelines/cost/budget.ts';
import type { CircaResult } from '../../../../pipelines/circa/circa.ts';
import type { Prepared } from '../../../../pipelines/compile/served-plan.ts';
import { jobId, originalMethod, methodSettings } from '../../../../pipelines/pareto/job.ts';
import type { JobSpec } from '../../../../pipelines/pareto/job.ts';
import { predictedCosts } from '../../../../pipelines/pareto/predicted.ts';
import type { JobOutcome } from '../../../../pipelines/pareto/result.ts';
import { seriesName } from '../../../../pipelines/pareto/series.ts';
import { basesIn } from '../../../../pipelines/reduce/deepreshape/base-files.ts';
import { takenBy } from '../../../../pipelines/reduce/options.ts';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import type { MachineCosts } from '../../../../pipelines/cost/machine.ts';
import type { LayerEntry, PredictedCost } from '../../../../pipelines/reduce/reduction.ts';
import { Simulator } from '../../../../pipelines/simulate/simulator.ts';
import { defined } from '../../../shared/defined.ts';
import { DataError, ModelError } from '../../../shared/errors.ts';
import { writeFileAtomic } from '../../../shared/files.ts';
import type { OnProgress } from '../../../shared/progress.ts';
import { reduce } from '../../../../pipelines/reduce/reduce.ts';
import { planOfJob } from './job-plan.ts';
import { machine, versions } from './machine.ts';

export type JobWork = {
  readonly spec: JobSpec;
  /** The .onnx file of the original network. */
  readonly modelFile: string;
  /**
   * The sweep's folder. Networks go into its `networks/`, bases that other jobs may use into its `bases/`.
   */
  readonly folder: string;
  /** The costs of the machine for which latencies are predicted. */
  readonly costs: MachineCosts;
  readonly threads: number;
  readonly device: Device;
  readonly engine: EngineName;
  readonly onProgress: OnProgress;
  /** Prints a line for people. */
  readonly say: (line: string) => void;
};

/**
 * Makes one point: reduces the network, chooses bits for an agreement, searches windows for +circa, evaluates
 * on the test images, predicts the cost.
 */
export async function runJob(work: JobWork): Promise<JobOutcome> {
  const start = performance.now();
  const { spec, folder } = work;
  const original = await readOriginal(work);
  const resize = defined({ resize: original.graph.preprocessing?.resize });
  const load = (split: Split) => loadDataset(spec.data, split, resize);
  const found = [await load('train'), await load('test')] as const;
  checkData(spec, ...found);
  const [train, test] = [fitted(original, found[0]), fitted(original, found[1])];
  const { model, log, bits: counted } = await reduced(work, original);
  const name = networkName(spec);
  const bytes = writeModel(model);
  await writeFileAtomic(join(folder, name), bytes);
  // Compiles the file's network, as serve does.
  const planning = { spec, counted, train, onProgress: work.onProgress, say: work.say };
  const { prepared, bits, windows } = await planOfJob(readModel(bytes, name), planning);
  if (windows !== null) await writeFileAtomic(join(folder, windowsName(name)), windowsFile(windows));
  const { plan } = prepared;
  const figures = await evaluated(work, model, prepared, test);
  await rm(checkpointOf(spec, folder), { recursive: true, force: true });
  return {
    relus: countRelus(model),
    relusBefore: countRelus(original),
    ...figures,
    bits,
    planHash: planHash(plan),
    log,
    ...predictedCosts(plan, work.costs),
    onnx: name,
    onnxHash: sha256Hex(bytes),
    windows: windows === null ? null : windowsName(name),
    versions: { ...versions(), engine: work.engine, device: work.device, threads: String(work.threads) },
    machine: machine(),
    seconds: (performance.now() - start) / 1000,
  };
}

async function readOriginal({ spec, modelFile }: JobWork): Promise<Model> {
  const bytes = await readFile(modelFile);
  const hash = sha256Hex(bytes);
  if (hash !== spec.networkHash)
    throw new ModelError(
      `${modelFile}: the network is not the one that the sweep was started with; give another --out`,
    );
  return readModel(bytes, modelFile);
}

function checkData({ data, dataHash }: JobSpec, train: Dataset, test: Dataset): void {
  if (hashOfData(train, test) !== dataHash)
    throw new DataError(`${data}: the data is not what the sweep was started with; give another --out`);
}

/** The SHA-256 hash of the sizes, images and labels of both splits, in hex. */
export function hashOfData(train: Dataset, test: Dataset): string {
  const hash = createHash('sha256');
  for (const dataset of [train, test]) hashDataset(hash, dataset);
  return hash.digest('hex');
}

type ReducedNetwork = {
  readonly model: Model;
  readonly log: readonly LayerEntry[];
  /** The bits with which a budget in seconds or bytes was counted, if an agreement chose them. */
  readonly bits?: PredictedCost['bits'];
};

async function reduced(
  { spec, folder, costs, threads, device, engine, onProgress, say }: JobWork,
  original: Model,
): Promise<ReducedNetwork> {
  const { method, data, seed, epochs } = spec;
  if (method === originalMethod) return { model: original, log: [] };
  const { pretrainEpochs, ...settings } = methodSettings(method, spec);
  const { model, log, cost } = await reduce(original, {
    ...{ method, budget: parseBudget(spec.budget), data, seed, epochs },
    ...{ threads, device, engine, checkpoint: checkpointOf(spec, folder), onProgress },
    ...takenBy(method, { bases: basesIn(join(folder, 'bases'), say), machine: costs }),
    ...settings,
    ...(pretrainEpochs !== undefined && { deepreshape: { pretrainEpochs } }),
  });
  return { model, log, ...(cost?.bits && { bits: cost.bits }) };
}

/**
 * The folder of a job's checkpoints. It stays until the job is done, so that a late failure repeats no
 * training.
 */
function checkpointOf(spec: JobSpec, folder: string): string {
  return join(folder, 'unfinished', jobId(spec));
}

async function evaluated(work: JobWork, model: Model, prepared: Prepared, test: Dataset) {
  const { threads, device, onProgress } = work;
  const clear = await predictClasses(model, test, test.n, { onProgress, threads, device });
  const logits = await simulated(work, prepared, test);
  const answers = argmaxOfRows(logits, test.n);
  const [found, privately] = [scored(test, clear), scored(test, answers)];
  return {
    accuracy: found.accuracy,
    privateAccuracy: privately.accuracy,
    agree: answers.reduce((count, answer, i) => count + (answer === clear[i] ? 1 : 0), 0),
    n: test.n,
    perClass: found.per_class.map((row, i) => ({
      ...row,
      privateAccuracy: privately.per_class[i]!.accuracy,
    })),
  };
}

async function simulated(
  { spec, threads, onProgress }: JobWork,
  prepared: Prepared,
  test: Dataset,
): Promise<Float32Array> {
  const simulator = new Simulator(prepared, threads);
  try {
    return await simulator.run(pixels(test), test.n, { rng: seededRng(spec.seed), onProgress });
  } finally {
    await simulator.close();
  }
}

/** The file that `--circa` reads. */
function windowsFile({ mode, layers }: CircaResult): string {
  const best = { mode, layers: layers.map(({ node, k }) => ({ node, k })) };
  return `${JSON.stringify({ best }, null, 2)}\n`;
}

/** 'networks/snl-0.25-seed1-4f2a9c01.onnx': readable, and unique by the job's id. */
export function networkName(spec: JobSpec): string {
  const label = `${seriesName(spec)}-${spec.budget}-seed${spec.seed}`.replaceAll(/[^\w.-]+/g, '-');
  return `networks/${label}-${jobId(spec).slice(0, 8)}.onnx`;
}

export function windowsName(onnx: string): string {
  return onnx.replace(/\.onnx$/, '.windows.json');
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
