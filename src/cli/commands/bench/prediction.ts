import { predictLatency } from '../../../../pipelines/cost/latency.ts';
import type { Latency, LatencyOptions } from '../../../../pipelines/cost/latency.ts';
import type { Plan } from '../../../../pipelines/plan/plan.ts';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';
import { knownMachine } from '../../options/machine.ts';
import type { KnownMachine } from '../../options/machine.ts';

/** What the cost model says of a bench, beside what was measured. */
export type BenchPrediction = Pick<Latency, 'offline' | 'online'> & {
  /** Predicted over measured seconds: 1 is right, below it the model promised too much. */
  readonly ratio: { readonly offline: number; readonly online: number };
  readonly machine: KnownMachine;
};

type Seconds = { readonly seconds: number };

/** `measured`: by the clock; other work on the machine is in it, and not in the prediction. */
export async function predictionOf(
  plan: Plan,
  profile: NetworkProfile,
  measured: { readonly offline: Seconds; readonly online: Seconds },
  options: LatencyOptions,
): Promise<BenchPrediction> {
  const machine = await knownMachine();
  const { offline, online } = predictLatency(plan, profile, machine.costs, options);
  const ratio = (predicted: Seconds, found: Seconds) =>
    Number((predicted.seconds / found.seconds).toPrecision(3));
  return {
    ...{ offline, online, machine },
    ratio: { offline: ratio(offline, measured.offline), online: ratio(online, measured.online) },
  };
}
