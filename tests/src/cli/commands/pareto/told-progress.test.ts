import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadDataset } from '../../../../../models/data/dataset.ts';
import { defaultMachine } from '../../../../../pipelines/cost/default-machine.ts';
import type { JobSpec } from '../../../../../pipelines/pareto/job.ts';
import { jobId } from '../../../../../pipelines/pareto/job.ts';
import { jobProcess } from '../../../../../src/cli/commands/pareto/job-process.ts';
import { readProgress } from '../../../../../src/cli/commands/pareto/queue-messages.ts';
import { openQueue } from '../../../../../src/cli/commands/pareto/queue.ts';
import { hashOfData, sha256Hex } from '../../../../../src/cli/commands/pareto/run-job.ts';
import type { ProgressEvent } from '../../../../../src/shared/progress.ts';
import { firstLine, startCli } from '../../../../helpers/processes/cli.ts';
import { writeSmallData } from '../../../../helpers/data/data.ts';
import { writeTiny } from '../../../../helpers/networks/networks.ts';
import { noRedis, redisFile, startRedis } from '../../../../helpers/processes/redis.ts';
import { sampleSpec } from '../../../../pipelines/pareto/sample.ts';

const epochs = 30;
let folder: string;
let modelFile: string;
let spec: JobSpec;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-told-'));
  modelFile = await writeTiny(folder);
  const data = await writeSmallData(folder, 100);
  const images = [await loadDataset(data, 'train'), await loadDataset(data, 'test')] as const;
  const hashes = { networkHash: sha256Hex(await readFile(modelFile)), dataHash: hashOfData(...images) };
  spec = { ...sampleSpec({ data, epochs, searchEpochs: null }), ...hashes };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A job's trainings as its sweep hears of them. */
function expectTraining(events: readonly ProgressEvent[]): void {
  const trained = events.filter(({ phase }) => phase === 'fine-tuning');
  expect(trained.length).toBeGreaterThan(0);
  for (const { done, total, training } of trained) {
    const { epoch, step, steps } = training!;
    expect(done).toBe((epoch - 1) * steps + step);
    expect(total).toBe(training!.epochs * steps);
    expect(training!.epochs).toBe(epochs);
    expect(training!.loss).toBeGreaterThan(0);
  }
}

test('from the process of a job', async () => {
  const events: ProgressEvent[] = [];
  const onProgress = (event: ProgressEvent) => void events.push(event);
  const how = { costs: defaultMachine, threads: 1, device: 'cpu', engine: 'onnxruntime' } as const;
  const work = { spec, modelFile, folder: join(folder, 'own'), ...how, onProgress, say: () => undefined };
  await jobProcess(work, new AbortController().signal);
  expectTraining(events);
});

test.skipIf(redisFile === undefined)(`through a queue (${redisFile ?? noRedis})`, async () => {
  const redis = await startRedis();
  const worker = startCli(['worker', '--queue', redis.url]);
  try {
    await firstLine(worker);
    const events: ProgressEvent[] = [];
    const own = { folder: join(folder, 'queued'), networkHash: spec.networkHash, costs: defaultMachine };
    const queue = await openQueue({ url: redis.url, modelFile, ...own, say: () => undefined });
    const run = {
      id: jobId(spec),
      spec,
      state: 'running',
      message: null,
      attempts: 1,
      result: null,
      costs: [],
    } as const;
    await queue.runner(run, (event) => void events.push(event), new AbortController().signal);
    await queue.close();
    expectTraining(events);
  } finally {
    worker.kill('SIGKILL');
    await redis.stop();
  }
});

describe('what a worker says of a job', () => {
  const training = { epoch: 1, epochs: 2, step: 3, steps: 4, loss: 0.5, imagesPerSecond: 100 };
  const event: ProgressEvent = {
    ...{ phase: 'family-member', of: 'thinned', number: 1, count: 2 },
    ...{ within: [{ phase: 'sweep-job', of: 'a' }], done: 3, total: 8, now: 'S1', training },
  };

  test('arrives whole', () => {
    expect(readProgress(JSON.parse(JSON.stringify(event)))).toEqual(event);
  });

  test.each([
    ['before its first word', 0],
    ['of no known phase', { ...event, phase: 'sleeping' }],
    ['without what is done', { ...event, done: undefined }],
    ['of an epoch that is none', { ...event, training: { ...training, epoch: '1' } }],
  ])('is nothing %s', (_, message) => {
    expect(readProgress(message)).toBeUndefined();
  });
});
