import { inferShapes } from '../../../models/analysis/shapes.ts';
import type { Model } from '../../../models/graph.ts';
import type { ReplacedElements } from '../../../models/passes/replaced-elements.ts';
import { otherActivations } from '../../../models/passes/as-relu.ts';
import { PlanError, UsageError } from '../../../src/shared/errors.ts';
import { indicatorGates } from '../autorep/indicators.ts';
import { describeCost, describeCostBudget, exactCost } from '../../cost/budget.ts';
import { elementScores, gatedNodes, withoutGates } from '../gates/gates.ts';
import { byScore, keepFirst } from '../gates/keep.ts';
import { reasons } from '../gates/reasons.ts';
import { searchGates, stepsOf } from '../gates/search.ts';
import type { SearchOptions } from '../gates/search.ts';
import { layerStates } from '../gates/layer-states.ts';
import { renormaliseAll } from '../polynomials/renormalise.ts';
import { candidateNetwork, reasonOf, testsText } from './candidate.ts';
import { reluPriceIn } from './choose.ts';
import type { LayerChoices, LayerChoice, ReplacementOption } from './choose.ts';
import { mostTries, mostWithin } from './count-search.ts';
import { servedPlan } from '../../compile/served-plan.ts';
import { few } from './search.ts';
import { costOf } from './task.ts';
import type { Task } from './task.ts';

/** A layer of a structure whose ReLUs may be replaced one by one. */
type GatedLayer = {
  readonly layer: string;
  readonly option: ReplacementOption;
  /** What each replaced ReLU saves, in the budget's unit. */
  readonly saving: number;
  readonly relus: number;
  /** How many ReLUs the choice keeps. */
  readonly kept: number;
};

/** A network whose gates have been trained, and the order in which its ReLUs are kept. */
export type LearnedGates = {
  readonly searched: Model;
  readonly choices: LayerChoices;
  readonly layers: readonly GatedLayer[];
  readonly scores: ReadonlyMap<string, Float32Array>;
  readonly order: Uint32Array;
};

/**
 * The layers that get gates: those that do not vanish and whose ReLUs cost more than their replacements.
 * Other layers keep their ReLUs.
 */
function gatedLayers({ layers }: Task, choices: LayerChoices): GatedLayer[] {
  return choices.layers.flatMap((own, l) => {
    if (own.kind === 'vanished') return [];
    const { layer, replacements } = layers[l]!;
    const option = replacements[own.replacement]!;
    const { price, losses } = option;
    const relus = losses.reduce((n, loss) => n + (loss === Infinity ? 0 : 1), 0);
    const kept = relus - own.replaced.reduce((sum, one) => sum + one, 0);
    const gated = {
      layer,
      option,
      saving: reluPriceIn(layers[l]!, option) - price,
      relus,
      kept,
    };
    return gated.saving > 0 ? [gated] : [];
  });
}

const sum = <T>(values: readonly T[], of: (value: T) => number): number =>
  values.reduce((total, value) => total + of(value), 0);

/**
 * The mean saving of the gated ReLUs, in the budget's unit. The hinge weighs each ReLU by its own saving over
 * this.
 */
function meanSaving(layers: readonly GatedLayer[]): number {
  return sum(layers, ({ saving, relus }) => saving * relus) / sum(layers, ({ relus }) => relus);
}

/** The cost of the ReLUs that a choice keeps, in the budget's unit. */
export function keptCost(task: Task, choices: LayerChoices): number {
  return sum(gatedLayers(task, choices), ({ saving, kept }) => saving * kept);
}

/**
 * AutoReP's search within the structure of a choice. Vanished layers are gone from the start; the others get
 * gates between ReLUs and the choice's replacements. Open gates are weighted by what replacing their ReLUs
 * saves, so the hinge's target is a cost. Gates start in the order of their loss per cost. Returns undefined
 * if the choice replaces no ReLU, so that there is nothing to learn.
 */
export async function learnGates(
  task: Task,
  choices: LayerChoices,
  options: SearchOptions,
): Promise<LearnedGates | undefined> {
  const layers = gatedLayers(task, choices);
  if (layers.every(({ relus, kept }) => relus === kept)) return undefined;
  const { model: teacher, sample } = task.measured;
  const model = await candidateNetwork(task.base, task.layers, withAllRelus(choices), sample);
  const replacement = new Map(layers.map((own) => [own.layer, own.option.name]));
  const states = await layerStates(model, { granularity: 'pixel', replacement, sample });
  const unit = meanSaving(layers);
  const weights = new Map(layers.map(({ layer, saving }) => [layer, saving / unit]));
  const weightOf = (layer: string) => weights.get(layer)!;
  const { gated, scoresOf, ...search } = indicatorGates(model, {
    layers: states,
    costs: new Map(
      layers.map(({ layer, option }) => [layer, option.losses.map((loss) => loss / weightOf(layer))]),
    ),
    total: sum(layers, ({ layer, relus }) => weightOf(layer) * relus),
    budget: sum(layers, ({ layer, kept }) => weightOf(layer) * kept),
    steps: stepsOf(options),
    weightOf,
  });
  const searched = await searchGates(gated, { teacher, ...search }, options);
  const scores = elementScores(searched, (layer) => scoresOf(searched, layer));
  return { searched, choices, layers, scores, order: orderOf(searched, layers, scores) };
}

/** The choice with all ReLUs of the layers that do not vanish. */
function withAllRelus(choices: LayerChoices): LayerChoices {
  const open = (own: LayerChoice): LayerChoice =>
    own.kind === 'vanished' ? own : { ...own, replaced: new Uint8Array(own.replaced.length) };
  return { ...choices, layers: choices.layers.map(open) };
}

/**
 * The order in which elements are kept. Elements that are not ReLUs come last, whatever their gates have
 * learned.
 */
function orderOf(
  searched: Model,
  layers: readonly GatedLayer[],
  scores: ReadonlyMap<string, Float32Array>,
): Uint32Array {
  const shapes = inferShapes(searched);
  const maps = new Map(
    gatedNodes(searched).map(({ name, outputs }) => [name, shapes.get(outputs[0]!)!.slice(1)]),
  );
  const losses = new Map(layers.map((own) => [own.layer, own.option.losses]));
  const own = [...scores].map(([layer, values]) => {
    const only = values.map((value, e) => (losses.get(layer)![e] === Infinity ? -Infinity : value));
    return [layer, only] as const;
  });
  return byScore(new Map(own), (layer) => maps.get(layer)!);
}

/**
 * The searched network's weights, with running statistics measured after the cut to about as many ReLUs as
 * the choice keeps. A short search ends with more gates open. With the statistics of that state a network of
 * few ReLUs can reach values for which no plan has enough bits.
 */
async function settledWeights(task: Task, { searched, layers, scores, order }: LearnedGates) {
  const replaced = keepFirst(
    scores,
    order,
    sum(layers, (own) => own.kept),
  );
  const settled = await renormaliseAll(withoutGates(searched, replaced), few(task.measured.sample));
  return settled.weights;
}

export type CutNetwork = { readonly model: Model; readonly replaced: ReplacedElements };

/**
 * Keeps as many ReLUs with the highest scores as the plan can have within `limit`, in the budget's unit.
 * `tuned` is a network that was cut like this before and then trained; it loses more ReLUs. Throws UsageError
 * if even without ReLUs the network costs more.
 */
export async function keepWithin(
  task: Task,
  learned: LearnedGates,
  limit: number,
  tuned?: Model,
): Promise<CutNetwork> {
  const { budget, machine, serving } = task;
  const { searched, layers, scores, order } = learned;
  const own = tuned?.weights ?? (await settledWeights(task, learned));
  const weights = new Map([...searched.weights, ...own]);
  const at = (count: number): CutNetwork => {
    const replaced = keepFirst(scores, order, count);
    return { model: withoutGates({ ...searched, weights }, replaced), replaced };
  };
  let [least, tries] = [Infinity, 0];
  const costAt = async (count: number) => {
    task.measured.onProgress({ phase: 'count-search', done: tries++, total: mostTries });
    const cost = costOf(await servedPlan(at(count).model, serving), budget, machine);
    least = Math.min(least, cost);
    return cost;
  };
  const first = sum(layers, ({ kept }) => kept);
  const total = sum(layers, ({ relus }) => relus);
  try {
    const count = await mostWithin(costAt, { first, total, limit, price: meanSaving(layers) });
    if (count !== undefined) return at(count);
  } catch (error) {
    // Values may be too large for a plan before fine-tuning. The network is planned again after it.
    if (error instanceof PlanError && tuned === undefined) return at(first);
    throw error;
  }
  throw new UsageError(
    `budget: ${describeCostBudget(budget)}; after training the network takes ` +
      `${exactCost(budget.unit, least)} even without ReLUs; give a slightly larger budget`,
  );
}

/** Makes the function that says in a sentence why a layer is what it is. */
export function learnedReason(
  task: Task,
  { choices, layers, scores }: LearnedGates,
  replaced: ReplacedElements,
): (layer: string) => string {
  const describe = (price: number) => describeCost(task.budget.unit, Math.max(0, price));
  const gated = new Map(layers.map((own) => [own.layer, own]));
  const replacementOf = (layer: string) => gated.get(layer)!.option.name;
  const others = otherActivations(task.measured.model);
  const ofGates = reasons({ score: 'm', scores, replaced, replacementOf, others });
  return (layer) => {
    const own = gated.get(layer);
    if (own === undefined) return reasonOf(layer, task.layers, choices, describe);
    return `${ofGates(layer)}; each replaced ReLU saves ${describe(own.saving)}${testsText(own.option)}`;
  };
}
