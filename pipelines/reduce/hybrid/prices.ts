import { elementKinds } from '../../../crypto/spec.ts';
import type { ByKind, ElementKind } from '../../../crypto/spec.ts';
import { byKind } from '../../../src/shared/kinds.ts';
import type { CostBudget } from '../../cost/budget.ts';
import { bothWays, predictCost } from '../../cost/bytes.ts';
import { occupiedSeconds } from '../../cost/latency.ts';
import type { MachineCosts } from '../../cost/machine.ts';
import { settingsFor } from '../../cost/transfer-settings.ts';
import type { TransferSettings } from '../../cost/transfer-settings.ts';
import type { ActivationStep, Plan } from '../../plan/plan.ts';

/** The price of an element of each kind, and that of the layer itself, in seconds or bytes. */
export type LayerPrices = ByKind<number> & {
  /**
   * The round trip and what grows with the layer's size. It is saved if the layer vanishes; its linear
   * neighbours may then merge.
   */
  readonly layer: number;
};

/** The cost of a plan in a budget's unit, as a sum over its steps. */
export type Pricing = (plan: Plan) => number;

/**
 * All plans are priced with the transfers that a session of `whole` takes. With those of its own, a plan of a
 * few ReLUs less may take SoftSpokenOT in place of silent transfers, and the difference of the two would be
 * the price of one layer: the ReLUs of stage 2 of resnet8 cost 2.5 bytes then and those of stage 3 50.
 */
export function pricingOf({ unit, phase, profile }: CostBudget, machine: MachineCosts, whole: Plan): Pricing {
  const transfers = settingsFor(whole, { profile });
  const costOf = (plan: Plan) =>
    unit === 'seconds' ? occupiedSeconds(plan, profile, machine, transfers) : bytesOf(plan, transfers);
  return (plan) => {
    const { offline, online } = costOf(plan);
    return phase === 'total' ? offline + online : phase === 'offline' ? offline : online;
  };
}

function bytesOf(plan: Plan, transfers: TransferSettings): { offline: number; online: number } {
  const { offline, online } = predictCost(plan, transfers, true);
  return { offline: bothWays(offline), online: bothWays(online) };
}

/**
 * The prices of a layer. They are differences in the cost of the plan with all ReLUs when this layer has only
 * ReLUs, only squares or only affine elements, and against `without`, the plan of the network without the
 * layer (whose linear neighbours may have merged). So a price includes the layer's window bits, truncations
 * and ciphertexts.
 */
export function pricesOf(
  plan: Plan,
  layer: string,
  without: Plan | undefined,
  pricing: Pricing,
): LayerPrices {
  const own = plan.steps.filter(
    (step) => step.kind === 'activation' && step.node === layer,
  ) as ActivationStep[];
  const size = Math.max(1, ...own.map(({ spec }) => spec.kinds.length));
  const all = byKind(elementKinds, (kind) => pricing(withKind(plan, layer, kind)));
  // A step has at least affine elements, so their cost belongs to the layer.
  return {
    ...byKind(elementKinds, (kind) => Math.max(0, all[kind] - all.affine) / size),
    layer: without === undefined ? 0 : all.affine - pricing(without),
  };
}

function withKind(plan: Plan, layer: string, kind: ElementKind): Plan {
  const steps = plan.steps.map((step) => {
    if (step.kind !== 'activation' || step.node !== layer) return step;
    return {
      ...step,
      spec: { ...step.spec, kinds: new Uint8Array(step.spec.kinds.length).fill(elementKinds[kind]) },
    };
  });
  return { ...plan, steps };
}
