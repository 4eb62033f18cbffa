import { inferShapes } from '../../analysis/shapes.ts';
import type { Model, Node, NodeOf } from '../../graph.ts';
import type { Shape } from '../../tensor.ts';
import { bypass, onlyConsumer, withNodes } from '../rewire.ts';

/**
 * Replaces Reshape(Gather(Reshape(x))) with a Gather of the channels of x where the reshapes only join its
 * places and part them again: what is left of a channel shuffle (ShuffleNet, Zhang et al., CVPR 2018). Before
 * that, a Reshape of a Reshape reads the first one's input. Models without a Gather stay as they are.
 */
export function mergeReshapes(model: Model): Model {
  if (!model.graph.nodes.some((node) => node.op === 'Gather')) return model;
  return withoutNeedless(ofChannels(chained(model)));
}

type Reshaping = NodeOf<'Reshape'> | NodeOf<'Flatten'>;

function isReshape(node: Node | undefined): node is Reshaping & Node {
  return node?.op === 'Reshape' || node?.op === 'Flatten';
}

function chained(model: Model): Model {
  const sources = new Map<string, string>();
  const nodes = model.graph.nodes.map((node) => {
    if (!isReshape(node)) return node;
    const x = sources.get(node.inputs[0]!) ?? node.inputs[0]!;
    sources.set(node.outputs[0]!, x);
    return { ...node, inputs: [x] };
  });
  return withNodes(model, read(model, nodes));
}

/** The nodes without reshapes that nobody reads. */
function read(model: Model, nodes: readonly Node[]): Node[] {
  const needed = new Set(model.graph.outputs.map(({ name }) => name));
  for (const node of nodes) for (const input of node.inputs) needed.add(input);
  return nodes.filter((node) => !isReshape(node) || needed.has(node.outputs[0]!));
}

function ofChannels(model: Model): Model {
  const shapes = inferShapes(model);
  const producers = new Map(model.graph.nodes.map((node) => [node.outputs[0]!, node]));
  const replaced = new Map<Node, Node>();
  const gone = new Set<Node>();
  for (const last of model.graph.nodes) {
    const pick = isReshape(last) ? producers.get(last.inputs[0]!) : undefined;
    const first = pick?.op === 'Gather' ? producers.get(pick.inputs[0]!) : undefined;
    if (pick?.op !== 'Gather' || pick.attributes.axis !== 1 || !isReshape(first)) continue;
    const [before, joined, after] = [first.inputs[0]!, pick.inputs[0]!, last.outputs[0]!].map((name) =>
      shapes.get(name)!,
    ) as [Shape, Shape, Shape];
    const places = before.slice(1).join();
    const isJoined = joined[0] === before[0] && after[0] === pick.attributes.indices.length;
    if (!isJoined || places !== after.slice(1).join()) continue;
    if (onlyConsumer(model.graph, pick.outputs[0]!) === undefined) continue;
    replaced.set(last, { ...pick, inputs: [first.inputs[0]!], outputs: last.outputs, name: last.name });
    gone.add(pick);
  }
  const nodes = model.graph.nodes.filter((node) => !gone.has(node)).map((node) => replaced.get(node) ?? node);
  return withNodes(model, read(model, nodes));
}

function withoutNeedless(model: Model): Model {
  const shapes = inferShapes(model);
  return bypass(
    model,
    (node) => isReshape(node) && shapes.get(node.inputs[0]!)?.join() === shapes.get(node.outputs[0]!)!.join(),
  );
}
