import { consumersOf } from '../analysis/shapes.ts';
import type { Model, Node } from '../graph.ts';
import { activationsOf, stagesOf } from '../analysis/inspect.ts';

/**
 * The names of the activations that DeepReDuce's thinning drops (Jha et al., ICML 2021): the second, the
 * fourth, ... of each block. The paper's networks keep the ReLU inside a basic block and drop the one after
 * its sum.
 *
 * Blocks are found from the sums of computed values. If an activation reads such a sum (ResNet), it ends its
 * block, and an activation whose output several nodes read ends the part before the first block. If none does
 * (pre-activation networks, MobileNetV2), a block ends at the sum. In a network without sums, each stage is a
 * block.
 */
export function thinnedActivations(model: Model): Set<string> {
  const ends = blockEnds(model);
  const thinned = new Set<string>();
  let index = 0;
  for (const { name } of activationsOf(model)) {
    if (index % 2 === 1) thinned.add(name);
    index = ends.has(name) ? 0 : index + 1;
  }
  return thinned;
}

/** The last activation of each block. */
function blockEnds(model: Model): Set<string> {
  const sums = sumsOf(model);
  if (sums.size === 0) return new Set(stagesOf(model).map((stage) => stage.nodes.at(-1)!));
  const activations = activationsOf(model);
  const afterSums = activations.filter((node) => sums.has(node.inputs[0]!));
  if (afterSums.length === 0) return lastBeforeSums(model, sums);
  const consumers = consumersOf(model.graph);
  const branches = activations.filter((node) => isBranch(node.outputs[0]!, consumers));
  return new Set([...afterSums, ...branches].map((node) => node.name));
}

/** Whether several nodes read the value, or the result of pooling it. */
function isBranch(value: string, consumers: ReadonlyMap<string, readonly Node[]>): boolean {
  const [first, ...others] = consumers.get(value) ?? [];
  if (first === undefined || others.length > 0) return others.length > 0;
  const isPool = first.op === 'MaxPool' || first.op === 'AveragePool';
  return isPool && isBranch(first.outputs[0]!, consumers);
}

/** The last activation before each sum, in the order of the graph. */
function lastBeforeSums(model: Model, sums: ReadonlySet<string>): Set<string> {
  const activations = new Set(activationsOf(model));
  const ends = new Set<string>();
  let last: Node | undefined;
  for (const node of model.graph.nodes) {
    if (activations.has(node)) last = node;
    if (last !== undefined && sums.has(node.outputs[0]!)) ends.add(last.name);
  }
  return ends;
}

/** The outputs of the nodes that add two computed values. */
function sumsOf({ graph, weights }: Model): Set<string> {
  const sums = graph.nodes.filter(
    (node) => node.op === 'Add' && node.inputs.every((name) => !weights.has(name)),
  );
  return new Set(sums.map((node) => node.outputs[0]!));
}
