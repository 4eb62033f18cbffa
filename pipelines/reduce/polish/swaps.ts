import { activationKinds, isReluKind } from '../../../models/graph.ts';
import type { Model, Node } from '../../../models/graph.ts';
import { maskOf } from '../../../src/shared/kinds.ts';

/** An element that keeps its ReLU and one of the same channel that does not, which change places. */
export type Swap = {
  readonly layer: string;
  readonly kept: number;
  readonly replaced: number;
  /** By how much the loss falls, to first order. */
  readonly gain: number;
};

/**
 * The swaps of a layer from which a gain is expected: in each channel the kept ReLU of least effect with the
 * replaced element of most, then the next ones. `effects` has for each element the change of the loss when
 * its ReLU is replaced; for a replaced element its negative is the change when the ReLU comes back. Elements
 * stay in their channel, because the replacements of a channel share their coefficients.
 */
export function swapsOf(layer: string, kinds: Uint8Array, effects: Float64Array, channels: number): Swap[] {
  const places = kinds.length / channels;
  const isRelu = maskOf(activationKinds, kinds, isReluKind);
  return Array.from({ length: channels }, (_, channel) => {
    const own = Array.from({ length: places }, (__, i) => channel * places + i);
    const byEffect = own.sort((a, b) => effects[a]! - effects[b]! || a - b);
    const kept = byEffect.filter((e) => isRelu[e] === 1);
    const replaced = byEffect.filter((e) => isRelu[e] === 0).reverse();
    const pairs = kept.slice(0, replaced.length).map((e, i) => [e, replaced[i]!] as const);
    return pairs.map(([a, b]) => ({ layer, kept: a, replaced: b, gain: effects[b]! - effects[a]! }));
  })
    .flat()
    .filter(({ gain }) => gain > 0);
}

/** The model after the swaps. */
export function swapped(model: Model, swaps: readonly Swap[]): Model {
  const byLayer = Map.groupBy(swaps, ({ layer }) => layer);
  const nodes = model.graph.nodes.map((node): Node => {
    const own = byLayer.get(node.name);
    if (own === undefined || node.op !== 'MixedActivation') return node;
    const kinds = node.attributes.kinds.slice();
    for (const { kept, replaced } of own) [kinds[kept], kinds[replaced]] = [kinds[replaced]!, kinds[kept]!];
    return { ...node, attributes: { ...node.attributes, kinds } };
  });
  return { ...model, graph: { ...model.graph, nodes } };
}
