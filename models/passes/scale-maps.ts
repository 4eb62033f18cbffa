import { ModelError, UsageError } from '../../src/shared/errors.ts';
import { consumersOf, inferShapes, verifyModel } from '../analysis/shapes.ts';
import type { Model, Node, NodeOf, OpType } from '../graph.ts';
import { tensor } from '../tensor.ts';
import type { Shape, Tensor } from '../tensor.ts';

/**
 * Multiplies height and width of all feature maps by rho, through the strides of the convolutions that read
 * the image: DeepReDuce's reshaping by rho = 1/2, 1/3, ... (Jha et al., ICML 2021). An average over a whole
 * map stays an average over the whole map, and a layer that reads a flattened map gets the sums of its
 * weights over the places that fall together. The network computes another function afterwards, so it must be
 * trained again. Throws UsageError for a rho that is not such a fraction, and ModelError, naming the node, if
 * the smaller maps do not fit the network.
 */
export function scaleMaps(model: Model, rho: number): Model {
  const factor = Math.round(1 / rho);
  if (!(factor >= 1) || !(Math.abs(factor * rho - 1) < 1e-6))
    throw new UsageError(`rho: expected 1, 1/2, 1/3, ... (0.5, 0.25), got ${rho}`);
  if (factor === 1) return model;
  const stems = stemsOf(model);
  const before = inferShapes(model);
  const nodes = model.graph.nodes.map((node): Node => {
    if (stems.has(node.name)) return withStrides(node as NodeOf<'Conv'>, factor);
    if (node.op === 'AveragePool' && coversMap(node, before)) return globalOf(node);
    const isFlat = node.op === 'Reshape' && before.get(node.outputs[0]!)!.length === 1;
    return isFlat ? { ...node, attributes: { shape: [-1] } } : node;
  });
  try {
    const small = withReadersOfMaps({ ...model, graph: { ...model.graph, nodes } }, before);
    verifyModel(small);
    return small;
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new ModelError(`rho ${rho}: maps of 1/${factor} the height and width do not fit: ${error.message}`);
  }
}

/**
 * The first convolution on every path from the image. Throws ModelError for a path with another kind of layer
 * before it.
 */
function stemsOf(model: Model): Set<string> {
  const consumers = consumersOf(model.graph);
  const stems = new Set<string>();
  const follow = (value: string): void => {
    for (const node of consumers.get(value) ?? []) {
      if (node.op === 'Conv') stems.add(node.name);
      else if (beforeStem[node.op]) follow(node.outputs[0]!);
      else
        throw new ModelError(
          `node ${node.name} (${node.op}): it reads the image before any convolution that could stride; ` +
            'rho must be 1 for this network',
        );
    }
  };
  follow(model.graph.inputs[0]!.name);
  return stems;
}

/** The ops that may lie between the image and the first convolution. */
const beforeStem: { readonly [K in OpType]?: boolean } = {
  Add: true,
  Mul: true,
  BatchNormalization: true,
  Pad: true,
  Identity: true,
  Dropout: true,
};

function withStrides(node: NodeOf<'Conv'>, factor: number): Node {
  const [down, right] = node.attributes.strides;
  return { ...node, attributes: { ...node.attributes, strides: [down * factor, right * factor] } };
}

/** Whether the pool averages over the whole map, which other programs write in this way. */
function coversMap(
  { attributes, inputs }: NodeOf<'AveragePool'>,
  shapes: ReadonlyMap<string, Shape>,
): boolean {
  const [, height, width] = shapes.get(inputs[0]!)!;
  const { kernel, pads } = attributes;
  return kernel[0] === height && kernel[1] === width && pads.every((pad) => pad === 0);
}

function globalOf({ name, inputs, outputs }: Node): Node {
  return { op: 'GlobalAveragePool', name, inputs, outputs, attributes: {} };
}

/** The ops that may lie between a flattened map and the layer that reads it. */
const elementwise: { readonly [K in OpType]?: boolean } = {
  Identity: true,
  Dropout: true,
  Relu: true,
  Clip: true,
};

/** Gives the layers that read flattened maps weights for the smaller maps. */
function withReadersOfMaps(model: Model, before: ReadonlyMap<string, Shape>): Model {
  const weights = new Map(model.weights);
  const producers = new Map(model.graph.nodes.map((node) => [node.outputs[0]!, node]));
  const flattened = (value: string): Node | undefined => {
    const node = producers.get(value);
    if (node === undefined) return undefined;
    if (node.op === 'Flatten' || node.op === 'Reshape') return node;
    return elementwise[node.op] ? flattened(node.inputs[0]!) : undefined;
  };
  const nodes: Node[] = [];
  for (const node of model.graph.nodes) {
    nodes.push(node);
    if (node.op !== 'Gemm' && node.op !== 'MatMul') continue;
    const map = flattened(node.inputs[0]!)?.inputs[0];
    const old = before.get(map ?? '');
    if (map === undefined || old?.length !== 3) continue;
    const now = inferShapes({ ...model, weights, graph: { ...model.graph, nodes: nodes.slice(0, -1) } }).get(
      map,
    )!;
    const inputAxis = node.op === 'Gemm' && node.attributes.transB ? 1 : 0;
    const weight = node.inputs[1]!;
    weights.set(weight, summedPlaces(weights.get(weight)!, inputAxis, old, now));
  }
  return { ...model, weights };
}

/**
 * The weight for smaller maps: a place's weight is the sum over the places of the larger map that fall on it.
 */
function summedPlaces(weight: Tensor, axis: 0 | 1, old: Shape, now: Shape): Tensor {
  const [channels = 0, height = 0, width = 0] = old;
  const [, down = 0, right = 0] = now;
  const outputs = weight.shape[1 - axis]!;
  const features = channels * down * right;
  const result = tensor(axis === 1 ? [outputs, features] : [features, outputs]);
  const at = (feature: number, output: number, count: number) =>
    axis === 1 ? output * count + feature : feature * outputs + output;
  const count = channels * height * width;
  for (let feature = 0; feature < count; feature++) {
    const [x, y] = [feature % width, Math.floor(feature / width) % height];
    const channel = Math.floor(feature / (width * height));
    const place = Math.floor((y * down) / height) * right + Math.floor((x * right) / width);
    const small = channel * down * right + place;
    for (let output = 0; output < outputs; output++)
      result.data[at(small, output, features)]! += weight.data[at(feature, output, count)]!;
  }
  return result;
}
