import { workerData } from 'node:worker_threads';
import { prg } from '../../crypto/prg.ts';
import { withWindows } from '../plan/windows.ts';
import { simulate } from './simulate.ts';
import type { SimulatedSet, SimulateJob } from './simulator.ts';

const { plan, weights } = workerData as SimulatedSet;
let windowed = { call: -1, plan };

/**
 * The entry of a simulating thread. It gets the plan and the weights once, and its windows with each call.
 */
export function run({ call, windows, images, n, seed, faults }: SimulateJob): Promise<Float32Array> {
  if (windowed.call !== call)
    windowed = { call, plan: windows === undefined ? plan : withWindows(plan, windows) };
  return simulate(windowed.plan, weights, images, n, prg(seed), { faults });
}
