import type { Model } from '../../../models/graph.ts';
import { otherActivations } from '../../../models/passes/as-relu.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { describeCost } from '../../cost/budget.ts';
import type { SearchOptions } from '../gates/search.ts';
import { candidateNetwork, reasonOf } from './candidate.ts';
import type { LayerChoices } from './choose.ts';
import { keepWithin, keptCost, learnGates, learnedReason } from './learned.ts';
import { search } from './search.ts';
import type { Task } from './task.ts';

/** A network that is ready for fine-tuning, and the reason for each of its layers. */
export type Chosen = { readonly model: Model; readonly reason: (layer: string) => string };

/** A fine-tuned network and the cost of its plan, in the budget's unit. */
export type Tuned = { readonly model: Model; readonly cost: number };

/**
 * Makes a network whose plan is within the budget. `over` is the network before, which exceeded the budget
 * after its fine-tuning.
 */
export type Chooser = (over?: Tuned) => Promise<Chosen>;

/** Chooses by the losses that were measured before any training, again for each limit. */
export function rankedChooser(task: Task): Chooser {
  let { limit } = task.budget;
  return async (over) => {
    // The limit falls by a little more than the excess, so that the next network does not miss the budget by
    // as much.
    if (over !== undefined) limit *= (0.998 * task.budget.limit) / over.cost;
    return ranked(task, (await search(task, limit)).choices);
  };
}

async function ranked(task: Task, choices: LayerChoices): Promise<Chosen> {
  const describe = (price: number) => describeCost(task.budget.unit, Math.max(0, price));
  const others = otherActivations(task.measured.model);
  return {
    model: await candidateNetwork(task.base, task.layers, choices, task.measured.sample),
    reason(layer) {
      const own = reasonOf(layer, task.layers, choices, describe);
      return others.has(layer) ? `a plain ReLU in place of its ${others.get(layer)!.op}; ${own}` : own;
    },
  };
}

/**
 * The cost that a network leaves unused before fine-tuning, because a second fine-tuning is dearer than a few
 * ReLUs. It is a share of the cost of its ReLUs (one more bit in a layer's window is 6 % of its ReLUs' bytes)
 * plus a share of the budget. resnet8's plan of 0.45 s on wan grew by 0.4 ms.
 */
const margin = { relus: 0.02, budget: 0.001 };

/**
 * The share of the budget that a structure's ReLUs must cost, because they are given up for what training
 * adds. resnet8's plan for 0.843 s on wan came out of its training with one more truncation, which is a round
 * trip, and took 0.865 s.
 */
export const room = 0.03;

/**
 * The structure of the ranked choice for the budget. If its ReLUs cost too little to give up, it is that of a
 * slightly smaller budget, if there is one.
 */
export async function structureOf(task: Task): Promise<LayerChoices> {
  const { limit } = task.budget;
  const { choices } = await search(task, limit);
  if (keptCost(task, choices) >= room * limit) return choices;
  try {
    return (await search(task, (1 - room) * limit)).choices;
  } catch (error) {
    if (error instanceof UsageError) return choices;
    throw error;
  }
}

/**
 * Chooses by gates, which are trained once in the structure of the budget's ranked choice. If that choice
 * replaces no ReLU, there is nothing to learn and the ranked chooser is used.
 */
export async function learnedChooser(task: Task, options: SearchOptions): Promise<Chooser> {
  const choices = await structureOf(task);
  const learned = await learnGates(task, choices, options);
  if (learned === undefined) return rankedChooser(task);
  let { limit } = task.budget;
  const spare = margin.relus * keptCost(task, choices) + margin.budget * limit;
  return async (over) => {
    limit -= over === undefined ? spare : Math.max(spare, over.cost - task.budget.limit);
    const { model, replaced } = await keepWithin(task, learned, limit, over?.model);
    return { model, reason: learnedReason(task, learned, replaced) };
  };
}
