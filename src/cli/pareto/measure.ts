import { join } from 'node:path';
import { pointsOf } from '../../../pipelines/pareto/points.ts';
import type { Cost } from '../../../pipelines/pareto/result.ts';
import type { DoneRun } from '../../../pipelines/pareto/points.ts';
import type { RunStore } from '../../../pipelines/pareto/store.ts';
import type { OnProgress } from '../../shared/progress.ts';
import { benchModel } from '../bench/two-processes.ts';
import { describeJob } from './sweep.ts';
import { machine } from './machine.ts';

export type MeasureOptions = {
  readonly store: RunStore;
  readonly folder: string;
  readonly ids: readonly string[];
  readonly profiles: readonly string[];
  readonly onProgress: OnProgress;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
};

/** Inferences in a session; the last one counts, the first pays for the transforms of the weights. */
const inferences = 3;

/**
 * Private inferences of the points on any front, by the network of their first seed, one after the other so that no one disturbs
 * another. What is measured already stays. Returns the messages of those that failed.
 */
export async function measureFront(options: MeasureOptions): Promise<string[]> {
  const { store, ids, profiles, onProgress, say } = options;
  const onFront = pointsOf(store.runs(ids), profiles).filter((point) => point.onFront.length > 0);
  const missing = onFront.filter(({ isMeasured }) => !isMeasured).map(({ runs }) => runs[0]!);
  const failures: string[] = [];
  for (const [done, run] of missing.entries()) {
    onProgress({ label: 'measuring the front', done, total: missing.length, note: describeJob(run.spec) });
    try {
      store.addCost(run.id, await measured(options, run), machine());
    } catch (error) {
      failures.push(`${describeJob(run.spec)}: ${(error as Error).message}`);
      say(failures.at(-1)!);
    }
  }
  onProgress({ label: 'measuring the front', done: missing.length, total: missing.length });
  return failures;
}

async function measured({ folder, signal }: MeasureOptions, { spec, result }: DoneRun): Promise<Cost> {
  const circa = result.windows === null ? {} : { circa: join(folder, result.windows) };
  const { offline, online } = await benchModel({
    network: join(folder, result.onnx),
    calibration: { data: spec.data, ...circa },
    runs: inferences,
    signal,
    say: () => undefined,
  });
  const bytes = ({ bytes_up, bytes_down }: typeof offline) => ({ bytes_up, bytes_down });
  return {
    profile: 'loopback',
    source: 'measured',
    offlineSeconds: offline.seconds,
    onlineSeconds: online.seconds,
    offline: bytes(offline),
    online: bytes(online),
    rounds: online.rounds,
  };
}
