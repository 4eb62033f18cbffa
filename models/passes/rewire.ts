import { consumersOf } from '../analysis/shapes.ts';
import type { Graph, Model, Node } from '../graph.ts';

/** The model with `nodes` in place of its own, its outputs as they are, and only the weights that `nodes` use. */
export function withNodes(model: Model, nodes: readonly Node[], weights = model.weights): Model {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  return {
    graph: { ...model.graph, nodes },
    weights: new Map([...weights].filter(([name]) => used.has(name))),
  };
}

/**
 * The model without the nodes that `isRemoved` names: whoever took their output takes their first input. A removed node whose
 * output the graph gives away hands that name to the node before it; at the graph's input it stays as an Identity.
 */
export function bypass(model: Model, isRemoved: (node: Node) => boolean): Model {
  const graph = model.graph.nodes.reduce(
    (g, node) => (isRemoved(node) ? bypassOne(g, node) : g),
    model.graph,
  );
  return withNodes({ ...model, graph }, graph.nodes);
}

function bypassOne(graph: Graph, original: Node): Graph {
  const node = graph.nodes.find((n) => n.name === original.name)!;
  const [source, output] = [node.inputs[0]!, node.outputs[0]!];
  const others = graph.nodes.filter((n) => n !== node);
  if (!graph.outputs.some((value) => value.name === output))
    return { ...graph, nodes: others.map((n) => renamed(n, output, source)) };
  const isTaken = [...graph.inputs, ...graph.outputs].some((value) => value.name === source);
  if (isTaken) return { ...graph, nodes: graph.nodes.map((n) => (n === node ? identityOf(node) : n)) };
  return { ...graph, nodes: others.map((n) => renamed(n, source, output)) };
}

/** The node with the value `from` called `to`, taken or given. */
function renamed(node: Node, from: string, to: string): Node {
  const swap = (name: string) => (name === from ? to : name);
  if (!node.inputs.includes(from) && !node.outputs.includes(from)) return node;
  return { ...node, inputs: node.inputs.map(swap), outputs: node.outputs.map(swap) };
}

function identityOf(node: Node): Node {
  return {
    op: 'Identity',
    name: node.name,
    inputs: [node.inputs[0]!],
    outputs: node.outputs,
    attributes: {},
  };
}

/** A name for a weight that a pass adds: `wanted`, or that with primes where the model has one of that name. */
export function freshWeight(weights: ReadonlyMap<string, unknown>, wanted: string): string {
  let name = wanted;
  while (weights.has(name)) name += "'";
  return name;
}

/** The one node that takes `name`, where there is exactly one and the graph does not give the value away. */
export function onlyConsumer(graph: Graph, name: string): Node | undefined {
  const consumers = consumersOf(graph).get(name) ?? [];
  const isOutput = graph.outputs.some((value) => value.name === name);
  return consumers.length === 1 && !isOutput ? consumers[0] : undefined;
}
