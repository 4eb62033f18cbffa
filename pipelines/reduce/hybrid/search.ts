import type { Model } from '../../../models/graph.ts';
import { asRelu } from '../../../models/passes/as-relu.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { costIn, describeCostBudget, exactCost } from '../../cost/budget.ts';
import type { CostBudget } from '../../cost/budget.ts';
import { predictLatency } from '../../cost/latency.ts';
import type { MachineCosts } from '../../cost/machine.ts';
import type { Plan } from '../../plan/plan.ts';
import { candidateNetwork } from './candidate.ts';
import { choose, reluPriceIn } from './choose.ts';
import type { LayerChoices, LayerOptions } from './choose.ts';
import { pricedLayers } from './layers.ts';
import type { Measured } from './layers.ts';
import { prepare, servedPlan } from '../../compile/served-plan.ts';
import type { Prepared } from '../../compile/served-plan.ts';
import { pricingOf } from './prices.ts';
import type { Pricing } from './prices.ts';
import type { Serving } from './serving.ts';
import { measuredTests } from './shorter-tests.ts';
import type { ShorterTestsOf } from './shorter-tests.ts';

/** A network that meets a limit before training, and the choices that made it. */
export type Candidate = {
  readonly model: Model;
  readonly choices: LayerChoices;
  /** The predicted cost of its plan, in the budget's unit. In bytes it is exact. */
  readonly cost: number;
};

/** What a search knows of a network. It is measured once for any number of limits. */
export type Task = {
  readonly measured: Measured;
  readonly budget: CostBudget;
  readonly machine: MachineCosts;
  readonly serving: Serving;
  readonly layers: readonly LayerOptions[];
  /**
   * The network with plain ReLUs in place of ReLU6 and other activations with a second sign test, which costs
   * as much as the first. Candidates are made from it.
   */
  readonly base: Model;
  /** The predicted cost of the given network, and that of the base. */
  readonly before: number;
  readonly baseCost: number;
  /** The base's cost as a sum of prices, and the same sum with every layer in its cheapest state. */
  readonly dearest: number;
  readonly cheapest: number;
  /** The part of the base's sum of prices that does not depend on the layers. */
  readonly rest: number;
};

/** Images to which the polynomials of candidates are fitted. Costs hardly depend on them. */
const fewImages = 128;

/**
 * Candidates that are planned, each aimed by how much the last one missed. If none of them is within the
 * limit, as many again are planned by halving.
 */
const mostTries = 8;

/**
 * A budget counts as met from this share of it on. The search aims half-way between this and the limit,
 * because aims that approach the limit itself may all stay above it.
 */
const closeEnough = 0.998;
const aimedAt = (1 + closeEnough) / 2;

/**
 * Measures losses and prices. Throws UsageError for a budget that the network meets already, and PlanError if
 * it cannot run privately.
 */
export async function taskOf(
  measured: Measured,
  budget: CostBudget,
  machine: MachineCosts,
  serving: Serving,
): Promise<Task> {
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
  const testsOf = await shorterTestsOf(prepared, measured, pricing, serving);
  const layers = await pricedLayers(measured, { base, plan, testsOf }, pricing, serving);
  const dearest = pricing(plan);
  const whole = layers.reduce((sum, layer) => sum + layer.layerPrice + layer.reluPrice * relusOf(layer), 0);
  const rest = dearest - whole;
  const cheapest = rest + layers.reduce((sum, layer) => sum + cheapestState(layer), 0);
  const costs = { before, baseCost, dearest, cheapest, rest };
  return { measured, budget, machine, serving, layers, base, ...costs };
}

/**
 * Where an agreement chose the bits of activations, they are as few as it allows, and tests stay as they are.
 */
function shorterTestsOf(
  prepared: Prepared,
  { sample }: Measured,
  pricing: Pricing,
  serving: Serving,
): Promise<ShorterTestsOf> {
  if (serving.activationBits !== undefined) return Promise.resolve(() => Promise.resolve([]));
  return measuredTests(prepared, sample, pricing);
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

/**
 * Searches for the candidate of smallest loss whose predicted cost is at most `limit`. Prices add up, but
 * costs do not quite: offline work overlaps, scales and with them windows move, and linear layers merge. So
 * each candidate is planned as it would be served, and the next sum of prices is aimed by how much the last
 * one missed. Throws UsageError if no candidate is cheap enough.
 */
export async function search(task: Task, limit: number): Promise<Candidate> {
  const { base, baseCost } = task;
  if (baseCost <= limit) return { model: base, choices: choose(task.layers, Infinity)!, cost: baseCost };
  let [low, high] = [task.cheapest, task.dearest];
  let aim = task.dearest * ((aimedAt * limit) / baseCost);
  let best: Candidate | undefined;
  for (let tries = 0; tries < mostTries; tries++) {
    if (!(aim > low && aim < high)) aim = (low + high) / 2;
    const found = await candidateAt(task, aim, tries);
    if (found === undefined) {
      low = aim;
      continue;
    }
    if (found.cost <= limit) {
      low = aim;
      if (best === undefined || found.choices.loss < best.choices.loss) best = found;
      if (found.cost >= closeEnough * limit) break;
    } else high = aim;
    aim += (aimedAt * limit - found.cost) * ((found.choices.cost + task.rest) / found.cost);
  }
  return best ?? halved(task, limit, { least: await leastOf(task, limit), high });
}

/**
 * The best candidate between the cheapest one and `high`, a sum of prices at which the plan costs too much.
 */
async function halved(task: Task, limit: number, { least, high }: { least: Candidate; high: number }) {
  let [best, low] = [least, task.cheapest];
  for (let tries = 0; tries < mostTries && best.cost < closeEnough * limit; tries++) {
    const aim = (low + high) / 2;
    const found = await candidateAt(task, aim, mostTries + tries);
    if (found !== undefined && found.cost > limit) {
      high = aim;
      continue;
    }
    low = aim;
    if (found !== undefined && found.choices.loss < best.choices.loss) best = found;
  }
  return best;
}

/** The cheapest candidate. Throws UsageError if its plan exceeds the limit. */
async function leastOf(task: Task, limit: number): Promise<Candidate> {
  const least = await candidateAt(task, task.cheapest + 1e-9 * task.dearest, mostTries);
  if (least !== undefined && least.cost <= limit) return least;
  const { budget } = task;
  const reach = least === undefined ? '' : `; the cheapest one takes ${exactCost(budget.unit, least.cost)}`;
  throw new UsageError(
    `budget: ${describeCostBudget(budget)} is less than any choice of layers takes${reach}`,
  );
}

/** The candidate for a sum of prices. `tries` is how many were planned before it, for progress. */
async function candidateAt(task: Task, aim: number, tries: number): Promise<Candidate | undefined> {
  const { measured, base, layers, rest, budget, machine, serving } = task;
  measured.onProgress({ phase: 'budget-search', done: tries, total: 2 * mostTries });
  const choices = choose(layers, aim - rest);
  if (choices === undefined) return undefined;
  const model = await candidateNetwork(base, layers, choices, few(measured.sample));
  const cost = costOf(await servedPlan(model, serving), budget, machine);
  return { model, choices, cost };
}

/** The first images of a sample, as many as the fits of candidates need. */
export function few({ images, n, ...setting }: Measured['sample']): Measured['sample'] {
  const count = Math.min(n, fewImages);
  return { ...setting, images: images.subarray(0, (images.length / n) * count), n: count };
}
