import { afterEach, expect, test } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jobsOf } from '../../../../../pipelines/pareto/grid.ts';
import { parseMethods } from '../../../../../pipelines/pareto/series.ts';
import { RunStore } from '../../../../../pipelines/pareto/store.ts';
import { SweepProgress } from '../../../../../src/cli/commands/pareto/sweep-progress.ts';
import type { ProgressEvent } from '../../../../../src/shared/progress.ts';
import { circaSetting } from '../../../../pipelines/pareto/sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'pareto-progress-'));
afterEach(() => rmSync(folder, { recursive: true }));

test('a sweep has come as far as its epochs: those of jobs that are over and those under way', () => {
  const store = new RunStore(join(folder, 'runs.sqlite'));
  const ids = store.add(
    jobsOf({
      network: 'n',
      networkHash: '00',
      data: 'd',
      dataHash: '00',
      methods: parseMethods('deepreduce,snl', circaSetting),
      budgets: ['0.5'],
      seeds: 1,
      epochs: 2,
      searchEpochs: 3,
      replace: null,
      pretrainEpochs: null,
      agreement: null,
    }),
  );
  const events: ProgressEvent[] = [];
  const progress = new SweepProgress({ store, ids, onProgress: (event) => void events.push(event) });
  const share = () => events.at(-1)!.done / events.at(-1)!.total;
  const [original, deepreduce] = store.runs(ids);
  const all = 0.1 + 2.1 + 5.1; // epochs, and a tenth for each network's evaluation

  progress.started(original!);
  progress.ended(original!.id);
  expect(share()).toBeCloseTo(0.1 / all, 10);

  progress.started(deepreduce!);
  const hear = (event: ProgressEvent) => progress.heard(deepreduce!.id, event);
  const trained = (of: string, epoch: number, step: number): ProgressEvent => ({
    ...{ phase: 'fine-tuning-after', of, done: 100 * (epoch - 1) + step, total: 200 },
    training: { epoch, epochs: 2, step, steps: 100, loss: 1, imagesPerSecond: 10 },
  });
  hear({ phase: 'criticality', done: 50, total: 100 });
  expect(share()).toBeCloseTo(0.1 / all, 10);
  hear(trained('stage S1', 1, 50));
  expect(share()).toBeCloseTo(0.6 / all, 10);
  hear({ phase: 'evaluation', done: 5, total: 10 });
  expect(share()).toBeCloseTo(0.6 / all, 10);
  hear(trained('stage S1', 1, 100));
  hear(trained('stage S2', 1, 25));
  expect(share()).toBeCloseTo((0.1 + 1.25) / all, 10);
  expect(events.at(-1)!.parts).toEqual({
    ...{ over: 0, count: 3 },
    latest: { ...trained('stage S2', 1, 25), within: [{ phase: 'sweep-job', of: 'deepreduce 0.5 seed 1' }] },
  });
  // Ticks between may be lost on the way: the epochs before the one that is told of are over.
  hear(trained('stage S2', 2, 20));
  expect(share()).toBeCloseTo((0.1 + 0.98 * 2.1) / all, 10);
  // One that trains longer than its options say is not done before it is.
  hear(trained('stage S3', 1, 100));
  expect(share()).toBeLessThan((0.1 + 2.1) / all);
  progress.ended(deepreduce!.id);
  expect(share()).toBeCloseTo((0.1 + 2.1) / all, 10);
});
