// The process of one job of a sweep. It ends with its job, and when the sweep is gone.
import type { FromJob, ToJob } from './job-messages.ts';
import { runJob } from './run-job.ts';

/** Milliseconds between two ticks of progress that are passed on. */
const interval = 200;

let told = 0;

function tell(message: FromJob): void {
  if (process.connected) process.send!(message);
}

async function run(work: ToJob): Promise<FromJob> {
  try {
    const onProgress = (event: Extract<FromJob, { kind: 'progress' }>['event']) => {
      if (performance.now() - told < interval) return;
      told = performance.now();
      tell({ kind: 'progress', event });
    };
    const say = (line: string) => tell({ kind: 'said', line });
    return { kind: 'done', outcome: await runJob({ ...work, onProgress, say }) };
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

process.once('message', (work: ToJob) => {
  void run(work).then((answer) => process.send!(answer, () => process.exit()));
});
process.once('disconnect', () => process.exit());
