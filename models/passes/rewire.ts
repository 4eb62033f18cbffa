import { consumersOf } from '../analysis/shapes.ts';
import type { Graph, Model, Node } from '../graph.ts';

/** Returns the model with other nodes but the same outputs, and with only the weights that `nodes` use. */
export function withNodes(model: Model, nodes: readonly Node[], weights = model.weights): Model {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  return {
    graph: { ...model.graph, nodes },
    weights: new Map([...weights].filter(([name]) => used.has(name))),
  };
}

/**
 * Returns the model without the nodes for which `isRemoved` is true; nodes that read their output read their
 * first input instead. If the output of a removed node is an output of the graph, the node before it takes
 * over the name. If there is none, or its value is an output too, the removed node becomes an Identity.
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

/** Returns the node with the value `from` renamed to `to` among its inputs and outputs. */
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

/** Returns a name for a new weight: `wanted`, with as many primes (') as it takes to be unused. */
export function freshWeight(weights: ReadonlyMap<string, unknown>, wanted: string): string {
  let name = wanted;
  while (weights.has(name)) name += "'";
  return name;
}

/**
 * The node that reads the value `name`, if there is exactly one and the value is not an output of the graph.
 */
export function onlyConsumer(graph: Graph, name: string): Node | undefined {
  const consumers = consumersOf(graph).get(name) ?? [];
  const isOutput = graph.outputs.some((value) => value.name === name);
  return consumers.length === 1 && !isOutput ? consumers[0] : undefined;
}
