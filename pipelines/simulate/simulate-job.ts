import { prg } from '../../crypto/prg.ts';
import type { ServerWeights } from '../compile/quantise.ts';
import type { Plan } from '../plan/plan.ts';
import { withWindows } from '../plan/windows.ts';
import type { Windows } from '../plan/windows.ts';
import { simulate } from './simulate.ts';

/** The plan and the weights that all threads simulate. */
export type SimulatedSet = { readonly plan: Plan; readonly weights: ServerWeights };

/** A part of the images for one thread, with the seed of its shares. */
export type SimulateJob = {
  /** The call's number; jobs of one call have the same windows. */
  readonly call: number;
  readonly windows: Windows | undefined;
  readonly images: Float32Array;
  readonly n: number;
  readonly seed: Uint8Array;
  readonly faults: boolean;
};

/** The plans with the windows of the latest call of each set. Who simulates keeps what it knows of a plan. */
const windowed = new WeakMap<SimulatedSet, { readonly call: number; readonly plan: Plan }>();

export function runJob(set: SimulatedSet, job: SimulateJob): Promise<Float32Array> {
  const { call, windows, images, n, seed, faults } = job;
  let latest = windowed.get(set);
  if (latest?.call !== call) {
    latest = { call, plan: windows === undefined ? set.plan : withWindows(set.plan, windows) };
    windowed.set(set, latest);
  }
  return simulate(latest.plan, set.weights, images, n, prg(seed), { faults });
}
