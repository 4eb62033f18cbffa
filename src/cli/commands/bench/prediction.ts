import { predictLatency } from '../../../../pipelines/cost/latency.ts';
import type { Latency, LatencyOptions } from '../../../../pipelines/cost/latency.ts';
import type { Plan } from '../../../../pipelines/plan/plan.ts';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';
import { knownMachine } from '../../options/machine.ts';
import type { KnownMachine } from '../../options/machine.ts';

/** The prediction of the cost model for a bench, compared with the measurement. */
export type BenchPrediction = Pick<Latency, 'offline' | 'online'> & {
  /** Predicted over measured seconds: 1 is exact, below 1 the model promised too much. */
  readonly ratio: { readonly offline: number; readonly online: number };
  readonly machine: KnownMachine;
};

type Seconds = { readonly seconds: number };

/** `measured` is wall-clock time, so it includes other work of the machine, which the prediction does not. */
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
