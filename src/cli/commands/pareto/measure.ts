import { join } from 'node:path';
import { describeJob } from '../../../../pipelines/pareto/series.ts';
import { pointsOf } from '../../../../pipelines/pareto/points.ts';
import type { InferenceCost } from '../../../../pipelines/pareto/result.ts';
import type { DoneRun } from '../../../../pipelines/pareto/points.ts';
import type { RunStore } from '../../../../pipelines/pareto/store.ts';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';
import type { OnProgress } from '../../../shared/progress.ts';
import { benchModel } from '../bench/two-processes.ts';
import { machine } from './machine.ts';

export type MeasureOptions = {
  readonly store: RunStore;
  readonly folder: string;
  readonly profiles: readonly NetworkProfile[];
  /** Also measures again what has been measured before, and replaces it. */
  readonly again: boolean;
  readonly onProgress: OnProgress;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
};

/**
 * Inferences in a session. The median of all but the first counts, because the first transforms the weights.
 */
const inferences = 4;

/**
 * Times private inferences of all points on any front, with the network of their first seed and in each
 * profile, one after the other so that they do not disturb each other. Earlier measurements stay unless
 * `again` is set. Returns the messages of those that failed.
 */
export async function measureFront(options: MeasureOptions): Promise<string[]> {
  const { store, onProgress, say } = options;
  const missing = unmeasured(options);
  const failures: string[] = [];
  for (const [done, { run, profile }] of missing.entries()) {
    const name = `${describeJob(run.spec)}, ${profile.name}`;
    onProgress({ phase: 'front-measurement', done, total: missing.length, now: name });
    try {
      store.addCost(run.id, await measured(options, run, profile), machine());
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message}`);
      say(`not measured: ${failures.at(-1)!}`);
    }
  }
  onProgress({ phase: 'front-measurement', done: missing.length, total: missing.length });
  return failures;
}

function unmeasured({ store, profiles, again }: MeasureOptions): { run: DoneRun; profile: NetworkProfile }[] {
  const names = profiles.map(({ name }) => name);
  const onFront = pointsOf(store.runs(), names).filter((point) => point.onFront.length > 0);
  const isKnown = ({ costs }: DoneRun, { name }: NetworkProfile) =>
    !again && costs.some((cost) => cost.source === 'measured' && cost.profile === name);
  return onFront
    .map(({ runs }) => runs[0]!)
    .flatMap((run) =>
      profiles.filter((profile) => !isKnown(run, profile)).map((profile) => ({ run, profile })),
    );
}

async function measured(
  { folder, signal }: MeasureOptions,
  { spec, result }: DoneRun,
  profile: NetworkProfile,
): Promise<InferenceCost> {
  const windows = result.windows === null ? {} : { circa: join(folder, result.windows) };
  const { offline, online, median } = await benchModel({
    network: { model: join(folder, result.onnx), data: spec.data, ...result.bits, ...windows },
    runs: inferences,
    profile,
    signal,
    say: () => undefined,
    // The job that made the plan has said what is doubtful.
    warn: () => undefined,
  });
  const bytes = ({ bytes_up, bytes_down }: typeof offline) => ({ bytes_up, bytes_down });
  return {
    profile: profile.name,
    source: 'measured',
    offlineSeconds: median.offline_seconds,
    onlineSeconds: median.online_seconds,
    offline: bytes(offline),
    online: bytes(online),
    rounds: online.rounds,
  };
}
