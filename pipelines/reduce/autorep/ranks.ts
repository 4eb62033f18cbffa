import type { LayerState } from '../gates/layer-states.ts';

/**
 * For each gate a number in (0, 1), evenly spread over all gates: higher where replacing its ReLUs costs more, 0 where it stands for
 * none. `costs` are those of elements, Infinity for what is no ReLU; a channel's is the mean of its elements'.
 */
export function rankedGates(
  layers: readonly LayerState[],
  costs: ReadonlyMap<string, Float64Array>,
): Map<string, Float32Array> {
  const perGate = layers.map(({ layer, open }) => gateCosts(costs.get(layer)!, open.length));
  const all = perGate.flatMap((own) => [...own]);
  const order = Uint32Array.from(all.keys()).filter((i) => all[i] !== Infinity);
  order.sort((a, b) => all[a]! - all[b]! || a - b);
  const ranks = new Float32Array(all.length);
  order.forEach((gate, i) => (ranks[gate] = (i + 0.5) / order.length));
  let end = 0;
  return new Map(layers.map(({ layer, open }) => [layer, ranks.slice(end, (end += open.length))]));
}

/** The mean over the ReLUs behind each gate. */
function gateCosts(costs: Float64Array, gates: number): Float64Array {
  const places = costs.length / gates;
  return Float64Array.from({ length: gates }, (_, gate) => {
    const relus = costs.subarray(gate * places, (gate + 1) * places).filter((cost) => cost !== Infinity);
    return relus.length === 0 ? Infinity : relus.reduce((sum, cost) => sum + cost, 0) / relus.length;
  });
}
