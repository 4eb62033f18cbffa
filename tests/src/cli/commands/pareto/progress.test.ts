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
  const hear = (label: string, done: number) =>
    progress.heard(deepreduce!.id, { label, done, total: 100, note: 'loss 1' });
  hear('measuring', 50);
  expect(share()).toBeCloseTo(0.1 / all, 10);
  hear('after stage S1, epoch 1/1', 50);
  expect(share()).toBeCloseTo(0.6 / all, 10);
  hear('after stage S2, epoch 1/1', 25);
  expect(share()).toBeCloseTo((0.1 + 1.25) / all, 10);
  expect(events.at(-1)!.note).toMatch(/of 3 jobs, deepreduce 0.5 seed 1, after stage S2, epoch 1\/1, loss 1/);
  // One that trains longer than its options say is not done before it is.
  hear('after stage S3, epoch 1/1', 100);
  expect(share()).toBeLessThan((0.1 + 2.1) / all);
  progress.ended(deepreduce!.id);
  expect(share()).toBeCloseTo((0.1 + 2.1) / all, 10);
});
