import { workerData } from 'node:worker_threads';
import { runJob } from './simulate-job.ts';
import type { SimulatedSet, SimulateJob } from './simulate-job.ts';

/**
 * The entry of a simulating thread. It gets the plan and the weights once, and its windows with each call.
 */
export function run(job: SimulateJob): Promise<Float32Array> {
  return runJob(workerData as SimulatedSet, job);
}
