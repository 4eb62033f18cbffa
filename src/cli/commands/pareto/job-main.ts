// The process of one job of a sweep.
import { answerParent } from '../../../shared/child-process.ts';
import type { OnProgress } from '../../../shared/progress.ts';
import type { FromJob, ToJob } from './job-messages.ts';
import { runJob } from './run-job.ts';

/** Milliseconds between two progress events that are passed on. */
const interval = 200;

let told = 0;

answerParent<ToJob, FromJob>(async ({ work }, tell) => {
  const onProgress: OnProgress = (event) => {
    if (performance.now() - told < interval) return;
    told = performance.now();
    void tell({ kind: 'progress', event });
  };
  const say = (line: string) => void tell({ kind: 'said', line });
  await tell({ kind: 'done', outcome: await runJob({ ...work, onProgress, say }) });
});
