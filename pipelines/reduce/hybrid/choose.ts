import type { Replacement } from '../../../models/graph.ts';
import type { ShorterTests } from './shorter-tests.ts';

/** What one layer of ReLUs may become, with the losses and prices of its elements. */
export type LayerOptions = {
  readonly layer: string;
  /** The replacements that ReLUs of this layer may get, with the sign tests of those that stay. */
  readonly replacements: readonly ReplacementOption[];
  /** The price of an element that stays a ReLU and has the compiler's own sign test. */
  readonly reluPrice: number;
  /** The price of the layer apart from its elements. It is saved if the layer vanishes. */
  readonly layerPrice: number;
  /**
   * The loss if all elements let their input through, so that the step is not needed; Infinity if the layer
   * must stay.
   */
  readonly vanishLoss: number;
  /** Whether the convolutions around it become one if it vanishes (default: false). */
  readonly joins?: boolean;
};

export type ReplacementOption = {
  readonly name: Replacement;
  /**
   * The loss of replacing each element; Infinity for elements that are not ReLUs, which cost nothing here.
   */
  readonly losses: Float64Array;
  readonly price: number;
  /** The sign tests of the ReLUs that stay (default: the compiler's own). */
  readonly tests?: ShorterTests;
};

/** The price of an element that stays a ReLU. */
export function reluPriceIn(layer: LayerOptions, { tests }: ReplacementOption): number {
  return tests?.reluPrice ?? layer.reluPrice;
}

/** What a layer becomes: it vanishes as a whole, or some elements are replaced (1 in `replaced`). */
export type LayerChoice =
  | { readonly kind: 'vanished' }
  | { readonly kind: 'mixed'; readonly replacement: number; readonly replaced: Uint8Array };

export type LayerChoices = {
  readonly layers: readonly LayerChoice[];
  readonly cost: number;
  readonly loss: number;
};

/** The state of each layer: -1 if it vanishes, else the index of its replacement (and of its sign tests). */
type Structure = readonly number[];

/**
 * Chooses what the layers become and how short their sign tests are, so that the cost is at most `budget` and
 * the loss is small. Losses and prices are taken to add up. Returns undefined if nothing is cheap enough.
 *
 * A structure says which layers vanish, and what replaces ReLUs and which sign tests there are in the others.
 * For a price lambda of a unit of cost, in units of loss, each layer's best state is found by itself
 * (Lagrange; Shoham and Gersho's bit allocation, 1988); many lambdas give the structures to look at. Within a
 * structure elements are replaced in the order of their loss per cost saved until the budget is met, which is
 * optimal up to one element. From the best structure on, the other states of one layer at a time are tried
 * for as long as that helps.
 */
export function choose(layers: readonly LayerOptions[], budget: number): LayerChoices | undefined {
  const ranked = layers.map(rankedLosses);
  let best: Filled | undefined;
  const tried = new Set<string>();
  const improves = (structure: Structure): boolean => {
    if (tried.has(structure.join())) return false;
    tried.add(structure.join());
    const found = fill(layers, ranked, structure, budget);
    if (found === undefined || found.loss >= (best?.loss ?? Infinity)) return false;
    best = found;
    return true;
  };
  structuresOf(layers, ranked).forEach(improves);
  while (best !== undefined && neighboursOf(layers, best.structure).some(improves));
  return best && written(layers, ranked, best);
}

/** The structures that differ in the state of one layer. */
function neighboursOf(layers: readonly LayerOptions[], structure: Structure): Structure[] {
  return layers.flatMap(({ replacements, vanishLoss }, l) => {
    const states = [...replacements.keys(), ...(vanishLoss === Infinity ? [] : [-1])];
    return states.filter((state) => state !== structure[l]).map((state) => structure.with(l, state));
  });
}

/** The number of lambdas, in steps of a factor e^(1/4) from far below any loss per cost to far above. */
const lambdaSteps = 240;

function structuresOf(layers: readonly LayerOptions[], ranked: readonly Ranked[][]): Structure[] {
  const scale = typicalLambda(layers, ranked);
  const found = new Map<string, Structure>();
  for (let step = 0; step <= lambdaSteps; step++) {
    const lambda = scale * Math.exp((step - lambdaSteps / 2) / 4);
    const structure = layers.map((layer, l) => bestState(layer, ranked[l]!, lambda));
    found.set(structure.join(), structure);
  }
  const first = found.values().next().value!;
  const last = layers.map(({ vanishLoss }, l) => (vanishLoss === Infinity ? first[l]! : -1));
  found.set(last.join(), last);
  return [...found.values()];
}

/**
 * All losses divided by all prices, which lies between a lambda that keeps all ReLUs and one that keeps none.
 */
function typicalLambda(layers: readonly LayerOptions[], ranked: readonly Ranked[][]): number {
  let [loss, price] = [0, 0];
  layers.forEach(({ reluPrice, layerPrice }, l) => {
    const { losses, sums } = ranked[l]![0]!;
    loss += sums.at(-1)!;
    price += Math.abs(layerPrice) + reluPrice * losses.length;
  });
  return loss > 0 && price > 0 ? loss / price : 1;
}

/** The ReLUs of a layer by rising loss under one replacement, in their order if losses are equal. */
type Ranked = {
  readonly elements: Uint32Array;
  readonly losses: Float64Array;
  /** sums[i] is the loss of the first i elements. */
  readonly sums: Float64Array;
};

/** Options that differ only in their sign tests share the ranking, and so do searches for several budgets. */
const rankings = new WeakMap<Float64Array, Ranked>();

function rankedLosses({ replacements }: LayerOptions): Ranked[] {
  return replacements.map(({ losses }) => {
    const known = rankings.get(losses) ?? ranking(losses);
    rankings.set(losses, known);
    return known;
  });
}

function ranking(losses: Float64Array): Ranked {
  const elements = Uint32Array.from(losses.keys()).filter((i) => losses[i] !== Infinity);
  elements.sort((a, b) => losses[a]! - losses[b]! || a - b);
  const sums = new Float64Array(elements.length + 1);
  elements.forEach((element, i) => (sums[i + 1] = sums[i]! + losses[element]!));
  return { elements, losses: Float64Array.from(elements, (element) => losses[element]!), sums };
}

/** The state of a layer with the smallest loss + lambda * cost. */
function bestState(layer: LayerOptions, ranked: readonly Ranked[], lambda: number): number {
  let [best, bestValue] = [-1, layer.vanishLoss];
  layer.replacements.forEach((option, r) => {
    const { losses, sums } = ranked[r]!;
    const { price, tests } = option;
    const reluPrice = reluPriceIn(layer, option);
    const saved = lambda * (reluPrice - price);
    const count = saved > 0 ? countUpTo(losses, saved) : 0;
    const cost = layer.layerPrice + count * price + (losses.length - count) * reluPrice;
    const value = sums[count]! + (tests?.loss ?? 0) + lambda * cost;
    if (value < bestValue) [best, bestValue] = [r, value];
  });
  return best;
}

/** How many of the ascending values are at most `limit`. */
function countUpTo(ascending: Float64Array, limit: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A structure with the number of elements that are replaced in each layer, those of the smallest losses. */
type Filled = {
  readonly structure: Structure;
  readonly counts: readonly number[];
  readonly cost: number;
  readonly loss: number;
};

/** The interval of losses per cost is halved until so few elements are left inside it, which are sorted. */
const fewBetween = 64;
/** Elements of equal losses per cost cannot be told apart by halving. */
const mostHalvings = 100;

function fill(
  layers: readonly LayerOptions[],
  ranked: readonly Ranked[][],
  structure: Structure,
  budget: number,
): Filled | undefined {
  const states = statesOf(layers, ranked, structure);
  const fixed = states.reduce((sum, { whole }) => sum + whole, 0);
  const costOf = (counts: readonly number[]) =>
    states.reduce((cost, { saving }, i) => cost - counts[i]! * saving, fixed);
  /** The elements that lose at most `ratio` for each unit of cost saved. */
  const upTo = (ratio: number) =>
    states.map(({ losses, saving }) => (saving > 0 ? countUpTo(losses, ratio * saving) : 0));
  let [low, high] = [-1, Math.max(0, ...states.map(largestRatio)) * (1 + 1e-9)];
  let [counts, enough] = [upTo(low), upTo(high)];
  if (costOf(enough) > budget) return undefined;
  if (costOf(counts) <= budget) enough = counts;
  const between = () => enough.reduce((sum, count, i) => sum + count - counts[i]!, 0);
  for (let i = 0; i < mostHalvings && between() > fewBetween; i++) {
    const middle = (low + high) / 2;
    const some = upTo(middle);
    if (costOf(some) > budget) [low, counts] = [middle, some];
    else [high, enough] = [middle, some];
  }
  const next = states.flatMap(({ losses, saving }, state) =>
    Array.from(losses.subarray(counts[state], enough[state]), (loss) => ({ state, ratio: loss / saving })),
  );
  next.sort((a, b) => a.ratio - b.ratio || a.state - b.state);
  for (const { state } of next) {
    if (costOf(counts) <= budget) break;
    counts[state]!++;
  }
  const vanished = layers.reduce((sum, { vanishLoss }, l) => sum + (structure[l] === -1 ? vanishLoss : 0), 0);
  const loss = states.reduce((sum, { sums, faults }, i) => sum + sums[counts[i]!]! + faults, vanished);
  const perLayer = layers.map(() => 0);
  states.forEach(({ layer }, i) => (perLayer[layer] = counts[i]!));
  return { structure, counts: perLayer, cost: costOf(counts), loss };
}

/**
 * A layer that does not vanish: `whole` is its cost with all its ReLUs, `saving` what each replaced one
 * saves, `faults` the loss of its shorter sign tests.
 */
type State = Ranked & {
  readonly layer: number;
  readonly whole: number;
  readonly saving: number;
  readonly faults: number;
};

function statesOf(
  layers: readonly LayerOptions[],
  ranked: readonly Ranked[][],
  structure: Structure,
): State[] {
  return layers.flatMap((options, layer) => {
    const state = structure[layer]!;
    if (state === -1) return [];
    const own = ranked[layer]![state]!;
    const option = options.replacements[state]!;
    const reluPrice = reluPriceIn(options, option);
    const whole = options.layerPrice + reluPrice * own.losses.length;
    return [{ ...own, layer, whole, saving: reluPrice - option.price, faults: option.tests?.loss ?? 0 }];
  });
}

function largestRatio({ losses, saving }: State): number {
  return saving > 0 ? (losses.at(-1) ?? 0) / saving : 0;
}

function written(
  layers: readonly LayerOptions[],
  ranked: readonly Ranked[][],
  { structure, counts, cost, loss }: Filled,
): LayerChoices {
  const choices = layers.map(({ replacements }, l): LayerChoice => {
    const state = structure[l]!;
    if (state === -1) return { kind: 'vanished' };
    const replaced = new Uint8Array(replacements[state]!.losses.length);
    for (const element of ranked[l]![state]!.elements.subarray(0, counts[l])) replaced[element] = 1;
    return { kind: 'mixed', replacement: state, replaced };
  });
  return { layers: choices, cost, loss };
}
