import { inferShapes } from '../analysis/shapes.ts';
import type { Model, Node } from '../graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import type { Pullback, StatisticUpdate, TrainingContext } from '../ops/gradient.ts';
import { differentiateNode, writeNode } from '../ops/index.ts';
import type { Shape } from '../tensor.ts';

export type Differentiated = {
  /** The batch's contribution to each running statistic of the network. */
  readonly statistics: ReadonlyMap<string, StatisticUpdate>;
  /**
   * Appends the backward pass, given the gradient of the network's output and gradients that reach values
   * inside it from elsewhere (default: none), and returns the gradient of each wanted name.
   */
  readonly backward: (dOutput: string, inside?: ReadonlyMap<string, string>) => ReadonlyMap<string, string>;
};

/**
 * Appends the network's forward pass in its training form, for batches of a fixed size, and returns its
 * backward pass in reverse mode: the gradients of the `wanted` weights and inputs. The caller has already
 * defined the model's inputs and weights in `graph` under their own names.
 */
export function differentiate(
  graph: GraphBuilder,
  model: Model,
  batch: number,
  wanted: ReadonlySet<string>,
): Differentiated {
  const statistics = new Map<string, StatisticUpdate>();
  const context = trainingContext(graph, model, batch, statistics);
  const tape = model.graph.nodes.map((node) => ({ node, pullback: differentiateNode(node, context) }));
  const active = dependents(model, wanted);
  const backward: Differentiated['backward'] = (dOutput, inside = new Map()) => {
    const contributions = new Map([...inside].map(([name, gradient]) => [name, [gradient]]));
    const output = model.graph.outputs[0]!.name;
    contributions.set(output, [dOutput, ...(contributions.get(output) ?? [])]);
    for (const { node, pullback } of tape.toReversed()) {
      const dy = contributions.get(node.outputs[0]!);
      if (dy !== undefined) pullBack(graph, node, pullback, graph.total(dy), active, contributions);
    }
    return new Map([...wanted].map((name) => [name, gradientOf(graph, name, contributions, context)]));
  };
  return { statistics, backward };
}

function pullBack(
  graph: GraphBuilder,
  node: Node,
  pullback: Pullback,
  dy: string,
  active: ReadonlySet<string>,
  contributions: Map<string, string[]>,
): void {
  const wanted = node.inputs.map((name) => active.has(name));
  if (!wanted.includes(true)) return;
  const gradients = pullback(dy, wanted);
  node.inputs.forEach((name, i) => {
    const gradient = gradients[i];
    if (!wanted[i] || gradient === undefined) return;
    const known = contributions.get(name);
    if (known === undefined) contributions.set(name, [gradient]);
    else known.push(gradient);
  });
}

/** The sum of all contributions to the gradient of `name`; zero if the output does not depend on it. */
function gradientOf(
  graph: GraphBuilder,
  name: string,
  contributions: ReadonlyMap<string, readonly string[]>,
  context: TrainingContext,
): string {
  const found = contributions.get(name);
  if (found !== undefined) return graph.total(found);
  return graph.op('Expand', [graph.scalar(0), graph.ints(context.shapeOf(name))]);
}

/** The wanted names and every value computed from them. */
function dependents(model: Model, wanted: ReadonlySet<string>): Set<string> {
  const active = new Set(wanted);
  for (const node of model.graph.nodes) {
    if (node.inputs.some((name) => active.has(name))) node.outputs.forEach((name) => active.add(name));
  }
  return active;
}

function trainingContext(
  graph: GraphBuilder,
  model: Model,
  batch: number,
  statistics: Map<string, StatisticUpdate>,
): TrainingContext {
  const shapes = inferShapes(model);
  const isWeight = (name: string): boolean => model.weights.has(name);
  const imageShape = (name: string): Shape => model.weights.get(name)?.shape ?? shapes.get(name)!;
  const lowering = {
    constant: graph.constantNamed.bind(graph),
    useFunction: graph.useFunction.bind(graph),
    fresh: graph.fresh.bind(graph),
    shapeOf: imageShape,
  };
  return {
    graph,
    batch,
    isWeight,
    shapeOf: (name) => (isWeight(name) ? imageShape(name) : [batch, ...imageShape(name)]),
    forward: (node) => writeNode(node, lowering).forEach((raw) => graph.append(raw)),
    statistic: (name, update) => void statistics.set(name, update),
  };
}
