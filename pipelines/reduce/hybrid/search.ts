import type { Model } from '../../../models/graph.ts';
import { asRelu } from '../../../models/passes/as-relu.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { costIn, describeCostBudget, exactCost } from '../../cost/budget.ts';
import type { CostBudget } from '../../cost/budget.ts';
import type { Calibration } from '../../compile/calibrate.ts';
import { predictLatency } from '../../cost/latency.ts';
import type { MachineCosts } from '../../cost/machine.ts';
import type { Plan } from '../../plan/plan.ts';
import { candidateNetwork } from './candidate.ts';
import { choose } from './choose.ts';
import type { LayerChoices, LayerOptions } from './choose.ts';
import { pricedLayers } from './layers.ts';
import type { Measured } from './layers.ts';
import { servedPlan } from '../../compile/served-plan.ts';
import { pricingOf } from './prices.ts';

/** A network that meets a budget before it is trained, and how it was chosen. */
export type Candidate = {
  readonly model: Model;
  readonly choices: LayerChoices;
  /** Of its plan, in the budget's terms; exact in bytes. */
  readonly cost: number;
};

/** What a search knows of a network: measured once, for any number of limits. */
export type Task = {
  readonly measured: Measured;
  readonly budget: CostBudget;
  readonly machine: MachineCosts;
  readonly calibration: Calibration;
  readonly layers: readonly LayerOptions[];
  /** The network with plain ReLUs for its ReLU6 and the like, whose second sign test costs as much as the first: what candidates are made of. */
  readonly base: Model;
  /** Predicted, of the network as it is and of the base. */
  readonly before: number;
  readonly baseCost: number;
  /** The base's as a sum of prices; what is left of it where all layers are at their cheapest. */
  readonly dearest: number;
  readonly cheapest: number;
  /** What a plan costs beside the layers, as a sum of prices. */
  readonly rest: number;
};

/** Images on which the polynomials of candidates are fitted: their costs hardly hang on them. */
const fewImages = 128;

/** Candidates that are planned, each aimed by what the last one missed; as many again by halving where none of those was within the limit. */
const mostTries = 8;

/** A budget is met to this share; half-way between is aimed at, since aims that come closer and closer to a limit may all stay above it. */
const closeEnough = 0.998;
const aimedAt = (1 + closeEnough) / 2;

/** Measures losses and prices. Throws UsageError for a budget that the network meets as it is, PlanError where it can't run privately. */
export async function taskOf(
  measured: Measured,
  budget: CostBudget,
  machine: MachineCosts,
  calibration: Calibration,
): Promise<Task> {
  const before = costOf(await servedPlan(measured.model, { calibration }), budget, machine);
  if (before <= budget.limit) {
    throw new UsageError(
      `budget: ${describeCostBudget(budget)}; the network takes ${exactCost(budget.unit, before)} as it is, there is nothing to reduce`,
    );
  }
  const base = asRelu(measured.model);
  const plan = await servedPlan(base, { calibration });
  const baseCost = costOf(plan, budget, machine);
  const pricing = pricingOf(budget, machine);
  const layers = await pricedLayers(measured, { base, plan }, pricing, calibration);
  const dearest = pricing(plan);
  const whole = layers.reduce((sum, layer) => sum + layer.layerPrice + layer.reluPrice * relusOf(layer), 0);
  const rest = dearest - whole;
  const cheapest = rest + layers.reduce((sum, layer) => sum + cheapestState(layer), 0);
  const costs = { before, baseCost, dearest, cheapest, rest };
  return { measured, budget, machine, calibration, layers, base, ...costs };
}

/** What the budget counts of one inference by this plan. */
export function costOf(plan: Plan, budget: CostBudget, machine: MachineCosts): number {
  return costIn(budget, predictLatency(plan, budget.profile, machine));
}

function relusOf({ replacements }: LayerOptions): number {
  return replacements[0]!.losses.reduce((n, loss) => n + (loss === Infinity ? 0 : 1), 0);
}

function cheapestState(layer: LayerOptions): number {
  const { layerPrice, reluPrice, replacements, vanishLoss } = layer;
  const mixed = replacements.map(({ price }) => layerPrice + relusOf(layer) * Math.min(price, reluPrice));
  return Math.min(...mixed, vanishLoss === Infinity ? Infinity : 0);
}

/**
 * The candidate of least loss whose predicted cost is at most `limit`. Prices add up and costs do not quite (offline work overlaps, scales and
 * with them windows move, linear layers merge), so candidates are planned as they would be served and the sum of prices that is aimed
 * at is moved by what they miss. Throws UsageError where no candidate is cheap enough.
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

/** The best between the cheapest candidate and `high`, a sum of prices at which the plan is too dear. */
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

/** The cheapest candidate of all, which must do. */
async function leastOf(task: Task, limit: number): Promise<Candidate> {
  const least = await candidateAt(task, task.cheapest + 1e-9 * task.dearest, mostTries);
  if (least !== undefined && least.cost <= limit) return least;
  const { budget } = task;
  const reach = least === undefined ? '' : `; the cheapest takes ${exactCost(budget.unit, least.cost)}`;
  throw new UsageError(`budget: no network of this one's layers meets ${describeCostBudget(budget)}${reach}`);
}

/** `tries`: candidates that were planned before it, of those that may be. */
async function candidateAt(task: Task, aim: number, tries: number): Promise<Candidate | undefined> {
  const { measured, base, layers, rest, budget, machine, calibration } = task;
  measured.onProgress({ phase: 'budget-search', done: tries, total: 2 * mostTries });
  const choices = choose(layers, aim - rest);
  if (choices === undefined) return undefined;
  const model = await candidateNetwork(base, layers, choices, few(measured.sample));
  const cost = costOf(await servedPlan(model, { calibration }), budget, machine);
  return { model, choices, cost };
}

/** Of a sample as many as scales and costs take. */
export function few({ images, n, ...setting }: Measured['sample']): Measured['sample'] {
  const count = Math.min(n, fewImages);
  return { ...setting, images: images.subarray(0, (images.length / n) * count), n: count };
}
