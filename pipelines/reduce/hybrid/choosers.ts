import type { Model } from '../../../models/graph.ts';
import { otherActivations } from '../../../models/passes/as-relu.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { describeCost } from '../../cost/budget.ts';
import type { SearchOptions } from '../gates/search.ts';
import { candidateNetwork, reasonOf } from './candidate.ts';
import type { LayerChoices } from './choose.ts';
import { keepWithin, keptCost, learnGates, learnedReason } from './learned.ts';
import { search } from './search.ts';
import type { Task } from './search.ts';

/** A network to be fine-tuned, and why each of its layers is what it is. */
export type Chosen = { readonly model: Model; readonly reason: (layer: string) => string };

/** A network after fine-tuning and what its plan costs, in the budget's terms. */
export type Tuned = { readonly model: Model; readonly cost: number };

/** A network whose plan is within the budget; `over` is the one before, which fine-tuning has brought over it. */
export type Chooser = (over?: Tuned) => Promise<Chosen>;

/** By the losses that were measured before any training, anew for each limit. */
export function rankedChooser(task: Task): Chooser {
  let { limit } = task.budget;
  return async (over) => {
    // A little more than what it missed: at least as much goes as the trained network is over.
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
 * What a network leaves free before fine-tuning, for a second one is dearer than a few ReLUs: a share of what its ReLUs cost (a bit more in a
 * layer's window is 6 % of its ReLUs' bytes) and of the budget. Resnet8's plan of 0.45 s on wan grew by 0.4 ms.
 */
const margin = { relus: 0.02, budget: 0.001 };

/**
 * The share of a budget that a structure's ReLUs must be worth, for what training adds is met by giving them up: resnet8's plan for 0.843 s
 * on wan came out of its training with one more truncation, a round trip, and took 0.865 s.
 */
export const room = 0.03;

/** The structure of the budget's ranked choice; of a slightly smaller budget's where that has no room, if there is one. */
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

/** By gates that learn, once, in the structure of the budget's ranked choice; by the ranked choice where that removes no ReLU. */
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
