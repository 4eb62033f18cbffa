import type { Model, Node, NodeOf } from '../graph.ts';
import { tensor } from '../tensor.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Replaces a single logit z, of which the sign is the answer, with the two logits (0, z). Their softmax is
 * the sigmoid of z and its complement, so that losses and answers stay what they were, and all that counts
 * classes sees two.
 */
export function twoLogits(model: Model): Model {
  const [output] = model.graph.outputs;
  if (output?.shape.join() !== '1') return model;
  const last = lastLayer(model, output.name);
  return last === undefined ? withLayer(model, output.name) : withRow(model, last);
}

/** The fully connected layer that computes the value, if nothing else reads what it gives. */
function lastLayer({ graph }: Model, value: string): NodeOf<'Gemm'> | undefined {
  const node = graph.nodes.find(({ outputs }) => outputs.includes(value));
  if (node?.op === 'Identity') return lastLayer({ graph, weights: new Map() }, node.inputs[0]!);
  const readers = graph.nodes.filter(({ inputs }) => inputs.includes(value));
  return node?.op === 'Gemm' && readers.every(({ op }) => op === 'Identity') ? node : undefined;
}

/** Puts a row of zeros before the layer's only row. */
function withRow({ graph, weights }: Model, layer: NodeOf<'Gemm'>): Model {
  const [x = '', weight = '', bias = ''] = layer.inputs;
  const changed = new Map(weights);
  const fresh = (name: string, value: Tensor) => {
    const own = freshName(weights, `${name}.two`);
    changed.set(own, value);
    return own;
  };
  const one = weights.get(weight)!;
  const { transB } = layer.attributes;
  const both = transB ? [...zerosLike(one.data), ...one.data] : Array.from(one.data).flatMap((w) => [0, w]);
  const inputs = [
    x,
    fresh(weight, tensor(transB ? [2, one.data.length] : [one.data.length, 2], Float32Array.from(both))),
  ];
  if (bias !== '') inputs.push(fresh(bias, tensor([2], Float32Array.of(0, weights.get(bias)!.data[0]!))));
  const nodes = graph.nodes.map((node): Node => (node === layer ? { ...layer, inputs } : node));
  return { graph: withTwoOutputs(graph, nodes), weights: changed };
}

/** Adds a layer that makes (0, z) of z. */
function withLayer({ graph, weights }: Model, value: string): Model {
  const [weight, one] = [freshName(weights, 'two.weight'), `${value}.one`];
  const nodes = graph.nodes.map((node): Node => ({
    ...node,
    inputs: node.inputs.map((name) => (name === value ? one : name)),
    outputs: node.outputs.map((name) => (name === value ? one : name)),
  }));
  const layer: Node = {
    op: 'Gemm',
    name: freshName(new Map(graph.nodes.map(({ name }) => [name, name])), 'two'),
    inputs: [one, weight],
    outputs: [value],
    attributes: { alpha: 1, beta: 1, transA: false, transB: true },
  };
  const changed = new Map(weights).set(weight, tensor([2, 1], Float32Array.of(0, 1)));
  return { graph: withTwoOutputs(graph, [...nodes, layer]), weights: changed };
}

function withTwoOutputs(graph: Model['graph'], nodes: readonly Node[]): Model['graph'] {
  return {
    ...graph,
    nodes,
    outputs: [{ name: graph.outputs[0]!.name, shape: [2] }, ...graph.outputs.slice(1)],
  };
}

function zerosLike(data: Float32Array): Float32Array {
  return new Float32Array(data.length);
}

function freshName(taken: ReadonlyMap<string, unknown>, wanted: string): string {
  let name = wanted;
  while (taken.has(name)) name += "'";
  return name;
}
