import { consumersOf } from '../../analysis/shapes.ts';
import type { Model, Node, NodeOf, Pads } from '../../graph.ts';
import { withNodes } from '../rewire.ts';

/**
 * Replaces Conv(Pad(x)) with Conv(x) and AveragePool(Pad(x)) with AveragePool(x), adding the padding to
 * theirs. The padding must be zeros, and every reader of the padded value must be able to take it over. A
 * convolution always can. An average pool can if it counts its padding or has none of its own. A maximum pool
 * cannot, because its padding is minus infinity.
 */
export function mergePads(model: Model): Model {
  const consumers = consumersOf(model.graph);
  const given = new Set(model.graph.outputs.map((value) => value.name));
  const current = new Map<Node, Node>();
  /**
   * For each merged Pad, the nodes that took its padding over. Nodes are visited from the last to the first,
   * so that a Pad of a Pad is merged too.
   */
  const takersOf = new Map<Node, readonly Node[]>();
  for (const node of model.graph.nodes.toReversed()) {
    if (node.op !== 'Pad' || given.has(node.outputs[0]!)) continue;
    const takers = (consumers.get(node.outputs[0]!) ?? []).flatMap((taker) => takersOf.get(taker) ?? [taker]);
    if (!takers.every((taker) => canTake(current.get(taker) ?? taker, node.attributes))) continue;
    for (const taker of takers) current.set(taker, taking((current.get(taker) ?? taker) as Padded, node));
    takersOf.set(node, takers);
  }
  if (takersOf.size === 0) return model;
  const nodes = model.graph.nodes.filter((node) => !takersOf.has(node));
  return withNodes(
    model,
    nodes.map((node) => current.get(node) ?? node),
  );
}

type Padded = NodeOf<'Conv'> | NodeOf<'AveragePool'>;

function canTake(node: Node, { pads, value }: NodeOf<'Pad'>['attributes']): boolean {
  if (value !== 0 && pads.some((p) => p !== 0)) return false;
  if (node.op === 'Conv') return true;
  if (node.op !== 'AveragePool') return false;
  const { kernel, pads: own, ceilMode, countIncludePad } = node.attributes;
  const total = sum(own, pads);
  // ONNX runtimes require pads smaller than the kernel, and with ceil_mode the last window would end
  // elsewhere.
  const isSmall = total.every((p, i) => p < kernel[i % 2]!);
  return !ceilMode && isSmall && (countIncludePad || own.every((p) => p === 0));
}

function taking(node: Padded, pad: NodeOf<'Pad'>): Node {
  const inputs = [pad.inputs[0]!, ...node.inputs.slice(1)];
  const pads = sum(node.attributes.pads, pad.attributes.pads);
  if (node.op === 'Conv') return { ...node, inputs, attributes: { ...node.attributes, pads } };
  return { ...node, inputs, attributes: { ...node.attributes, pads, countIncludePad: true } };
}

function sum(a: Pads, b: Pads): Pads {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]];
}
