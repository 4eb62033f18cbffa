import type { Model } from '../../../models/graph.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { describeCostBudget, exactCost } from '../../cost/budget.ts';
import type { CostBudget } from '../../cost/budget.ts';
import { servedPlan } from '../../compile/served-plan.ts';
import { candidateNetwork } from './candidate.ts';
import { choose } from './choose.ts';
import type { LayerChoices } from './choose.ts';
import type { Measured } from './layers.ts';
import { costOf } from './task.ts';
import type { Task } from './task.ts';

/** A network that meets a limit before training, and the choices that made it. */
export type Candidate = {
  readonly model: Model;
  readonly choices: LayerChoices;
  /** The predicted cost of its plan, in the budget's unit. In bytes it is exact. */
  readonly cost: number;
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
  let leastCost = Infinity;
  for (let tries = 0; tries < mostTries; tries++) {
    if (!(aim > low && aim < high)) aim = (low + high) / 2;
    const found = await candidateAt(task, aim, tries);
    if (found === undefined) {
      low = aim;
      continue;
    }
    leastCost = Math.min(leastCost, found.cost);
    if (found.cost <= limit) {
      low = aim;
      if (best === undefined || found.choices.loss < best.choices.loss) best = found;
      if (found.cost >= closeEnough * limit) break;
    } else high = aim;
    aim += (aimedAt * limit - found.cost) * ((found.choices.cost + task.rest) / found.cost);
  }
  return best ?? halved(task, limit, { least: await leastOf(task, limit, leastCost), high });
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

/**
 * The candidate with the smallest sum of prices. Throws UsageError if its plan exceeds the limit; `leastCost`
 * is the cost of the cheapest candidate before it, which may be less.
 */
async function leastOf(task: Task, limit: number, leastCost: number): Promise<Candidate> {
  const least = await candidateAt(task, cheapestAim(task), mostTries);
  if (least !== undefined && least.cost <= limit) return least;
  throw unreachable(task.budget, Math.min(leastCost, least?.cost ?? Infinity));
}

/** A sum of prices that only the cheapest state of every layer reaches, but for rounding. */
export function cheapestAim({ cheapest, dearest }: Task): number {
  return cheapest + 1e-9 * dearest;
}

/** The refusal of a budget that no candidate meets; `leastCost` is that of the cheapest. */
export function unreachable(budget: CostBudget, leastCost: number): UsageError {
  const reach = Number.isFinite(leastCost)
    ? `; the cheapest one takes ${exactCost(budget.unit, leastCost)}`
    : '';
  return new UsageError(
    `budget: ${describeCostBudget(budget)} is less than any choice of layers takes${reach}`,
  );
}

/** The candidate for a sum of prices. `tries` is how many were planned before it, for progress. */
export async function candidateAt(task: Task, aim: number, tries: number): Promise<Candidate | undefined> {
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
