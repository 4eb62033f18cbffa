import type { Model } from '../../../models/graph.ts';
import { asRelu } from '../../../models/passes/as-relu.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { costIn, describeCostBudget, exactCost } from '../../cost/budget.ts';
import type { CostBudget } from '../../cost/budget.ts';
import { predictLatency } from '../../cost/latency.ts';
import type { MachineCosts } from '../../cost/machine.ts';
import type { Plan } from '../../plan/plan.ts';
import { prepare, servedPlan } from '../../compile/served-plan.ts';
import type { Prepared } from '../../compile/served-plan.ts';
import { reluPriceIn } from './choose.ts';
import type { LayerOptions } from './choose.ts';
import { measuredLayers, pricedLayers } from './layers.ts';
import type { Measured, PricedLayer } from './layers.ts';
import { pricingOf } from './prices.ts';
import type { Pricing } from './prices.ts';
import type { Serving } from './serving.ts';
import { measuredTests } from './shorter-tests.ts';
import type { ShorterTestsOf } from './shorter-tests.ts';

/** What plans say of a network and a budget, before any loss is measured. */
export type PricedTask = {
  readonly measured: Measured;
  readonly budget: CostBudget;
  readonly machine: MachineCosts;
  readonly serving: Serving;
  readonly priced: readonly PricedLayer[];
  /**
   * The network with plain ReLUs in place of ReLU6 and other activations with a second sign test, which costs
   * as much as the first. Candidates are made from it.
   */
  readonly base: Model;
  readonly prepared: Prepared;
  readonly pricing: Pricing;
  /** The predicted cost of the given network, and that of the base. */
  readonly before: number;
  readonly baseCost: number;
};

/** What a search knows of a network. It is measured once for any number of limits. */
export type Task = PricedTask & {
  readonly layers: readonly LayerOptions[];
  /** The base's cost as a sum of prices, and the same sum with every layer in its cheapest state. */
  readonly dearest: number;
  readonly cheapest: number;
  /** The part of the base's sum of prices that does not depend on the layers. */
  readonly rest: number;
};

/**
 * Finds the prices. Throws UsageError for a budget that the network meets already, and PlanError if it cannot
 * run privately.
 */
export async function pricedTask(
  measured: Measured,
  budget: CostBudget,
  machine: MachineCosts,
  serving: Serving,
): Promise<PricedTask> {
  const before = costOf(await servedPlan(measured.model, serving), budget, machine);
  if (before <= budget.limit) {
    throw new UsageError(
      `budget: ${describeCostBudget(budget)}; the network takes ${exactCost(budget.unit, before)} already, ` +
        'so there is nothing to reduce',
    );
  }
  const base = asRelu(measured.model);
  const prepared = await prepare(base, serving);
  const { plan } = prepared;
  const baseCost = costOf(plan, budget, machine);
  const pricing = pricingOf(budget, machine, plan);
  const priced = await pricedLayers(measured, { base, plan }, pricing, serving);
  return { measured, budget, machine, serving, priced, base, prepared, pricing, before, baseCost };
}

/** Measures the losses. */
export async function measuredTask(task: PricedTask): Promise<Task> {
  const { measured, priced } = task;
  const testsOf = await shorterTestsOf(task);
  return taskWith(task, await measuredLayers(measured, priced, testsOf));
}

/** The task of layers with losses. */
export function taskWith(task: PricedTask, layers: readonly LayerOptions[]): Task {
  const dearest = task.pricing(task.prepared.plan);
  const whole = layers.reduce((sum, layer) => sum + layer.layerPrice + layer.reluPrice * relusOf(layer), 0);
  const rest = dearest - whole;
  const cheapest = rest + layers.reduce((sum, layer) => sum + cheapestState(layer), 0);
  return { ...task, layers, dearest, cheapest, rest };
}

/**
 * Where an agreement chose the bits of activations, they are as few as it allows, and tests stay as they are.
 */
function shorterTestsOf({ prepared, measured, pricing, serving }: PricedTask): Promise<ShorterTestsOf> {
  if (keepsTests(serving)) return Promise.resolve(() => Promise.resolve([]));
  return measuredTests(prepared, measured.sample, pricing);
}

/** Whether sign tests are those that an agreement chose. */
export function keepsTests({ activationBits }: Serving): boolean {
  return activationBits !== undefined;
}

/** The cost of one inference with this plan, in the budget's unit. */
export function costOf(plan: Plan, budget: CostBudget, machine: MachineCosts): number {
  return costIn(budget, predictLatency(plan, budget.profile, machine));
}

function relusOf({ replacements }: LayerOptions): number {
  return replacements[0]!.losses.reduce((n, loss) => n + (loss === Infinity ? 0 : 1), 0);
}

function cheapestState(layer: LayerOptions): number {
  const { layerPrice, replacements, vanishLoss } = layer;
  const mixed = replacements.map(
    (option) => layerPrice + relusOf(layer) * Math.min(option.price, reluPriceIn(layer, option)),
  );
  return Math.min(...mixed, vanishLoss === Infinity ? Infinity : 0);
}
