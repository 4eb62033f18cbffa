import { bothWays, predictCost } from '../cost/bytes.ts';
import { predictLatency } from '../cost/latency.ts';
import type { Latency } from '../cost/latency.ts';
import type { MachineCosts } from '../cost/machine.ts';
import type { Plan } from '../plan/plan.ts';
import { profileNames, profiles } from '../cost/profiles.ts';
import type { InferenceCost, LayerCost } from './result.ts';

/**
 * Predicts the cost of one inference of a plan on every profile, in total and for each step. Throws PlanError
 * as `predictCost` does.
 */
export function predictedCosts(
  plan: Plan,
  machine: MachineCosts,
): { costs: InferenceCost[]; layers: LayerCost[] } {
  const latencies = profileNames.map((name) => predictLatency(plan, profiles[name], machine));
  return { costs: latencies.map(costOf), layers: layersOf(plan, latencies) };
}

function costOf({ profile, offline, online }: Latency): InferenceCost {
  return {
    profile,
    source: 'predicted',
    offlineSeconds: offline.seconds,
    onlineSeconds: online.seconds,
    offline: { bytes_up: offline.bytes_up, bytes_down: offline.bytes_down },
    online: { bytes_up: online.bytes_up, bytes_down: online.bytes_down },
    rounds: online.rounds,
  };
}

function layersOf(plan: Plan, latencies: readonly Latency[]): LayerCost[] {
  return predictCost(plan).steps.map(({ node, kind, elements, offline, online }, i) => ({
    node,
    kind,
    relus: elements.relu,
    offlineBytes: bothWays(offline),
    onlineBytes: bothWays(online),
    seconds: Object.fromEntries(
      latencies.map(({ profile, steps }) => [
        profile,
        { offline: steps[i]!.offline.seconds, online: steps[i]!.online.seconds },
      ]),
    ),
  }));
}
