/** What one layer of ReLUs may become: its elements' losses and prices. */
export type LayerOptions = {
  readonly layer: string;
  /** By what may take a ReLU's place. */
  readonly replacements: readonly ReplacementOption[];
  /** What an element costs that stays a ReLU. */
  readonly reluPrice: number;
  /** What the layer costs beside its elements; it goes with the layer. */
  readonly layerPrice: number;
  /** Loss where all of the layer lets its input through and is no step any more; Infinity where it must stay. */
  readonly vanishLoss: number;
};

export type ReplacementOption = {
  readonly name: string;
  /** Loss of each element in this kind's place; Infinity for elements that are no ReLUs and cost nothing here. */
  readonly losses: Float64Array;
  readonly price: number;
};

/** What becomes of a layer: gone whole, or 1 for each element that is replaced. */
export type LayerChoice =
  | { readonly kind: 'vanished' }
  | { readonly kind: 'mixed'; readonly replacement: number; readonly replaced: Uint8Array };

export type Choice = {
  readonly layers: readonly LayerChoice[];
  readonly cost: number;
  readonly loss: number;
};

/** A layer's share in a structure: -1 where it vanishes, else the index of what takes the place of ReLUs. */
type Structure = readonly number[];

/**
 * A choice of small loss whose cost is at most `budget`; undefined where nothing is cheap enough. Losses and prices add up.
 *
 * For a price lambda of cost in losses each layer's best is found alone (Lagrange; Shoham and Gersho's bit allocation, 1988). That gives
 * structures worth looking at: which layers vanish, what takes the place of ReLUs in the others. Within a structure elements go in the order
 * of their loss per cost saved until the budget is met, which is best up to one element. From the best structure on, one layer at a time is
 * tried in its other states for as long as that helps.
 */
export function choose(layers: readonly LayerOptions[], budget: number): Choice | undefined {
  let best: Choice | undefined;
  let structure: Structure = [];
  const tried = new Set<string>();
  const improves = (candidate: Structure): boolean => {
    if (tried.has(candidate.join())) return false;
    tried.add(candidate.join());
    const found = fillStructure(layers, candidate, budget);
    if (found === undefined || found.loss >= (best?.loss ?? Infinity)) return false;
    [best, structure] = [found, candidate];
    return true;
  };
  structuresOf(layers).forEach(improves);
  while (best !== undefined && neighboursOf(layers, structure).some(improves));
  return best;
}

/** One layer in another state. */
function neighboursOf(layers: readonly LayerOptions[], structure: Structure): Structure[] {
  return layers.flatMap(({ replacements, vanishLoss }, l) => {
    const states = [...replacements.keys(), ...(vanishLoss === Infinity ? [] : [-1])];
    return states.filter((state) => state !== structure[l]).map((state) => structure.with(l, state));
  });
}

/** Factors of e^(1/4), from far below any loss per cost to far above. */
const lambdaSteps = 240;

function structuresOf(layers: readonly LayerOptions[]): Structure[] {
  const sorted = layers.map(sortedLosses);
  const scale = typicalLambda(layers);
  const found = new Map<string, Structure>();
  for (let step = 0; step <= lambdaSteps; step++) {
    const lambda = scale * Math.exp((step - lambdaSteps / 2) / 4);
    const structure = layers.map((layer, l) => bestState(layer, sorted[l]!, lambda));
    found.set(structure.join(), structure);
  }
  const last = layers.map(({ vanishLoss }, l) =>
    vanishLoss === Infinity ? found.values().next().value![l]! : -1,
  );
  found.set(last.join(), last);
  return [...found.values()];
}

/** All losses over all prices: some lambda between keeping all and keeping none. */
function typicalLambda(layers: readonly LayerOptions[]): number {
  let [loss, price] = [0, 0];
  for (const { replacements, reluPrice, layerPrice } of layers) {
    const finite = replacements[0]!.losses.filter((value) => value !== Infinity);
    loss += finite.reduce((sum, value) => sum + value, 0);
    price += Math.abs(layerPrice) + reluPrice * finite.length;
  }
  return loss > 0 && price > 0 ? loss / price : 1;
}

type Sorted = { readonly losses: Float64Array; /** of the first i */ readonly sums: Float64Array };

/** Ascending, by replacement: the elements that go for a lambda are then a run from the start. */
function sortedLosses({ replacements }: LayerOptions): Sorted[] {
  return replacements.map(({ losses }) => {
    const ascending = losses.filter((value) => value !== Infinity).sort();
    const sums = new Float64Array(ascending.length + 1);
    ascending.forEach((value, i) => (sums[i + 1] = sums[i]! + value));
    return { losses: ascending, sums };
  });
}

/** The state of a layer with the smallest loss + lambda cost. */
function bestState(layer: LayerOptions, sorted: readonly Sorted[], lambda: number): number {
  let [best, bestValue] = [-1, layer.vanishLoss];
  layer.replacements.forEach(({ price }, r) => {
    const { losses, sums } = sorted[r]!;
    const saved = lambda * (layer.reluPrice - price);
    const count = saved > 0 ? firstAbove(losses, saved) : 0;
    const value =
      sums[count]! + lambda * (layer.layerPrice + count * price + (losses.length - count) * layer.reluPrice);
    if (value < bestValue) [best, bestValue] = [r, value];
  });
  return best;
}

/** How many of the ascending values are at most `limit`. */
function firstAbove(ascending: Float64Array, limit: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function fillStructure(
  layers: readonly LayerOptions[],
  structure: Structure,
  budget: number,
): Choice | undefined {
  let [cost, loss] = [0, 0];
  const choices = layers.map((layer, l): LayerChoice => {
    const state = structure[l]!;
    if (state === -1) {
      loss += layer.vanishLoss;
      return { kind: 'vanished' };
    }
    const { losses } = layer.replacements[state]!;
    cost +=
      layer.layerPrice + layer.reluPrice * losses.reduce((n, value) => n + (value === Infinity ? 0 : 1), 0);
    return { kind: 'mixed', replacement: state, replaced: new Uint8Array(losses.length) };
  });
  for (const { layer, element, saving, price } of byLossPerSaving(layers, structure)) {
    if (cost <= budget) break;
    const choice = choices[layer]!;
    if (choice.kind === 'mixed') choice.replaced[element] = 1;
    cost -= saving;
    loss += price;
  }
  return cost <= budget ? { layers: choices, cost, loss } : undefined;
}

type Removal = {
  readonly layer: number;
  readonly element: number;
  readonly saving: number;
  readonly price: number;
};

/** Replacements that save something, the cheapest per saving first; of equals the earlier. */
function* byLossPerSaving(layers: readonly LayerOptions[], structure: Structure): Generator<Removal> {
  const starts: number[] = [];
  const ratios: number[] = [];
  layers.forEach(({ replacements, reluPrice }, l) => {
    starts.push(ratios.length);
    const option = replacements[structure[l]!];
    if (option === undefined) return;
    const saving = reluPrice - option.price;
    for (const value of option.losses) ratios.push(saving > 0 ? value / saving : Infinity);
  });
  const order = Uint32Array.from(ratios.keys()).filter((i) => ratios[i] !== Infinity);
  order.sort((a, b) => ratios[a]! - ratios[b]! || a - b);
  for (const i of order) {
    const layer = starts.findLastIndex((start) => start <= i);
    const { replacements, reluPrice } = layers[layer]!;
    const { losses, price } = replacements[structure[layer]!]!;
    const element = i - starts[layer]!;
    yield { layer, element, saving: reluPrice - price, price: losses[element]! };
  }
}
