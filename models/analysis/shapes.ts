import { ModelError } from '../../src/shared/errors.ts';
import type { Graph, Model, Node } from '../graph.ts';
import { Refusal, refuse } from '../refusal.ts';
import type { InputKind } from '../ops/definition.ts';
import { ops, shapeOfNode } from '../ops/index.ts';
import type { Shape } from '../tensor.ts';

/**
 * The shape of every value by name, without the batch and without the weights. Throws ModelError that names
 * the node whose shapes do not fit.
 */
export function inferShapes(model: Model): Map<string, Shape> {
  const shapes = new Map(model.graph.inputs.map((value) => [value.name, value.shape]));
  for (const node of model.graph.nodes) {
    const outputs = named(node, () => shapeOfNode(node, inputShapes(node, shapes, model)));
    if (outputs.length !== node.outputs.length)
      throw new ModelError(
        `node ${node.name}: expected ${outputs.length} outputs, got ${node.outputs.length}`,
      );
    node.outputs.forEach((name, i) => shapes.set(name, outputs[i]!));
  }
  return shapes;
}

/**
 * The shapes of a node's inputs in order: values without the batch, weights in full, [] for an absent input.
 */
export function inputShapes(node: Node, shapes: ReadonlyMap<string, Shape>, model: Model): Shape[] {
  return node.inputs.map((name) => {
    if (name === '') return [];
    const shape = model.weights.get(name)?.shape ?? shapes.get(name);
    return shape ?? refuse(`input ${name} is defined by no node before it`);
  });
}

/**
 * Checks that the graph is in topological order, every value is defined once, inputs are of the kind that
 * their op expects, and all shapes fit. Throws ModelError that names the node.
 */
export function verifyModel(model: Model): void {
  const defined = new Set<string>(model.weights.keys());
  for (const value of model.graph.inputs) define(defined, value.name, 'the graph input');
  for (const node of model.graph.nodes) {
    named(node, () => checkInputs(node, model));
    for (const output of node.outputs) define(defined, output, `node ${node.name}`);
  }
  const names = new Set(model.graph.nodes.map((node) => node.name));
  if (names.size !== model.graph.nodes.length) throw new ModelError('two nodes share a name');
  const shapes = inferShapes(model);
  for (const node of model.graph.nodes)
    if (node.op === 'Add' || node.op === 'Sub' || node.op === 'Mul')
      named(node, () => checkSum(node, shapes));
  for (const { name, shape } of model.graph.outputs) {
    const found = shapes.get(name);
    if (found === undefined) throw new ModelError(`graph output ${name} is defined by no node`);
    if (found.join() !== shape.join())
      throw new ModelError(`graph output ${name}: expected [${shape.join(', ')}], got [${found.join(', ')}]`);
  }
}

/**
 * Refuses a sum or product of values of different rank, which would align the batch of one with the channels
 * of the other.
 */
function checkSum(node: Node, shapes: ReadonlyMap<string, Shape>): void {
  const rank = shapes.get(node.outputs[0]!)!.length;
  const values = node.inputs.filter((name) => shapes.has(name));
  if (values.length === 0) refuse('both its inputs are constants');
  if (values.some((name) => shapes.get(name)!.length !== rank))
    refuse('its inputs have different numbers of dimensions');
}

function define(defined: Set<string>, name: string, by: string): void {
  if (name === '') throw new ModelError(`${by} defines a value without a name`);
  if (defined.has(name)) throw new ModelError(`value ${name} is defined twice, the second time by ${by}`);
  defined.add(name);
}

/** The kinds of the inputs of a node in our graph, where constants have become attributes. */
export function graphInputKinds(node: Pick<Node, 'op'>): readonly InputKind[] {
  return ops[node.op].inputs.filter((kind) => kind !== 'constant' && kind !== 'optional-constant');
}

function checkInputs(node: Node, model: Model): void {
  const kinds = graphInputKinds(node);
  const variadic = kinds.at(-1) === 'values';
  const required = kinds.filter((kind) => kind !== 'optional-weight').length;
  const most = variadic ? 'any number of' : kinds.length;
  if (node.inputs.length < required || (!variadic && node.inputs.length > kinds.length))
    refuse(`expected ${required} to ${most} inputs, got ${node.inputs.length}`);
  node.inputs.forEach((name, i) => checkInput(name, i, kinds[i] ?? 'values', model));
}

function checkInput(name: string, position: number, kind: InputKind, model: Model): void {
  if (name === '') {
    if (kind !== 'optional-weight') refuse(`input ${position} is missing`);
    return;
  }
  const isWeight = model.weights.has(name);
  if ((kind === 'weight' || kind === 'optional-weight') && !isWeight)
    refuse(`input ${position} (${name}) is computed; only a constant weight is supported`);
  if ((kind === 'value' || kind === 'values') && isWeight)
    refuse(`input ${position} (${name}) is a constant; only a computed value is supported`);
}

/** For each value or weight, the nodes that read it, in graph order. */
export function consumersOf(graph: Graph): Map<string, Node[]> {
  const consumers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of new Set(node.inputs)) {
      const found = consumers.get(name);
      if (found === undefined) consumers.set(name, [node]);
      else found.push(node);
    }
  }
  return consumers;
}

/** Runs `check` and turns a Refusal into a ModelError that names the node. */
function named<T>(node: Node, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof Refusal) throw new ModelError(`node ${node.name} (${node.op}): ${error.message}`);
    throw error;
  }
}
