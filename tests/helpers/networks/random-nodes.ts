import { seededUniform, uniformInt } from '../../../models/data/seeded.ts';
import { inferShapes } from '../../../models/analysis/shapes.ts';
import { polynomialForms } from '../../../models/graph.ts';
import type { Model, NoAttributes, Node, OpAttributes, OpType, Pair } from '../../../models/graph.ts';
import type { Window } from '../../../models/ops/windows/window.ts';
import { sizeOf, tensor } from '../../../models/tensor.ts';
import type { Shape } from '../../../models/tensor.ts';

type Random = {
  /** A whole number from `low` to `high`. */
  readonly int: (low: number, high: number) => number;
  readonly pick: <T>(values: readonly T[]) => T;
  readonly flip: () => boolean;
};

/** A node, and the shapes of the image it is applied to and of the weights that follow it. */
type Drawn<Attributes> = {
  readonly attributes: Attributes;
  readonly shape: Shape;
  readonly weights?: Readonly<Record<string, Shape>>;
  /** The image once more, or half of it, as second input. */
  readonly second?: 'same' | 'pooled';
};

const image = ({ int }: Random): [number, number, number] => [int(1, 4), int(2, 5), int(2, 5)];
const vectorOrImage = (random: Random): Shape => (random.flip() ? image(random) : [random.int(1, 6)]);

const draws: { readonly [K in OpType]: (random: Random) => Drawn<OpAttributes[K]> } = {
  Conv(random) {
    const { int, pick } = random;
    const group = pick([1, 1, 2, 3]);
    const perGroup = pick([1, 2]);
    const maps = group * int(1, 2);
    const [window, size] = windowOf(random, 2, 2);
    const bias = random.flip() ? { b: [maps] } : {};
    return {
      attributes: { ...window, group },
      shape: [group * perGroup, ...size],
      weights: { w: [maps, perGroup, ...window.kernel], ...bias },
    };
  },
  Gemm({ int, pick, flip }) {
    const [features, maps, transB] = [int(1, 6), int(1, 5), flip()];
    const bias = pick([{}, { b: [maps] }, { b: [1, maps] }, { b: [1] }]);
    return {
      attributes: { alpha: pick([1, 0.5]), beta: pick([1, -2]), transA: false, transB },
      shape: [features],
      weights: { w: transB ? [maps, features] : [features, maps], ...bias },
    };
  },
  MatMul({ int }) {
    const features = int(1, 6);
    return { attributes: {}, shape: [features], weights: { w: [features, int(1, 5)] } };
  },
  Relu: (random) => ({ attributes: {}, shape: vectorOrImage(random) }),
  Clip: (random) => ({
    attributes: random.pick([
      { min: 0, max: 6 },
      { min: -Infinity, max: 0.5 },
      { min: -1, max: Infinity },
    ]),
    shape: vectorOrImage(random),
  }),
  LeakyRelu: (random) => ({
    attributes: { alpha: random.pick([0.01, 0.25]) },
    shape: vectorOrImage(random),
  }),
  PRelu(random) {
    const [channels, height, width] = image(random);
    const slope = random.pick([[channels, 1, 1], [1], [channels, height, width]]);
    return { attributes: {}, shape: [channels, height, width], weights: { slope } };
  },
  Sigmoid: (random) => ({ attributes: {}, shape: vectorOrImage(random) }),
  HardSigmoid: (random) => ({
    attributes: { alpha: random.pick([0.2, 0.5]), beta: 0.5 },
    shape: vectorOrImage(random),
  }),
  HardSwish: (random) => ({ attributes: {}, shape: vectorOrImage(random) }),
  Swish: (random) => ({ attributes: {}, shape: vectorOrImage(random) }),
  Tanh: (random) => ({ attributes: {}, shape: vectorOrImage(random) }),
  Elu: (random) => ({ attributes: { alpha: random.pick([1, 0.5]) }, shape: vectorOrImage(random) }),
  Celu: (random) => ({ attributes: { alpha: random.pick([1, 0.5]) }, shape: vectorOrImage(random) }),
  Gelu: (random) => ({ attributes: {}, shape: vectorOrImage(random) }),
  Erf: (random) => ({ attributes: {}, shape: vectorOrImage(random) }),
  Add: pairwise,
  Sub: (random) => ({ attributes: {}, shape: image(random), second: random.pick(['same', 'pooled']) }),
  Mul: pairwise,
  BatchNormalization(random) {
    const shape = vectorOrImage(random);
    const channels = [shape[0]!];
    return {
      attributes: { epsilon: random.pick([1e-5, 1e-3]), momentum: 0.9 },
      shape,
      weights: { s: channels, b: channels, mean: channels, variance: channels },
    };
  },
  MaxPool(random) {
    const [window, size] = windowOf(random, 1, 2);
    return { attributes: { ...window, ceilMode: random.flip() }, shape: [random.int(1, 3), ...size] };
  },
  AveragePool(random) {
    const [window, size] = windowOf(random, 1, 1);
    const attributes = { ...window, ceilMode: random.flip(), countIncludePad: random.flip() };
    return { attributes, shape: [random.int(1, 3), ...size] };
  },
  GlobalAveragePool: (random) => ({ attributes: {}, shape: image(random) }),
  Pad(random) {
    const { int, pick } = random;
    const pads = [int(0, 2), int(0, 2), int(0, 2), int(0, 2)] as const;
    return { attributes: { pads, value: pick([0, 0.5]) }, shape: image(random) };
  },
  Flatten: (random) => ({ attributes: { axis: 1 }, shape: image(random) }),
  Reshape(random) {
    const [channels, height, width] = image(random);
    const shape = random.pick([[-1], [height, -1], [width, channels, height]]);
    return { attributes: { shape }, shape: [channels, height, width] };
  },
  Concat: (random) => ({ attributes: { axis: random.int(1, 3) }, shape: image(random), second: 'same' }),
  Gather(random) {
    const shape = image(random);
    const axis = random.int(1, 3);
    const all = Array.from({ length: shape[axis - 1]! }, (_, i) => i);
    const indices = random.pick([all.toReversed(), all.slice(1), all.slice(0, 1), [...all.slice(1), 0]]);
    return { attributes: { axis, indices: indices.length === 0 ? [0] : indices }, shape };
  },
  Identity: (random) => ({ attributes: {}, shape: vectorOrImage(random) }),
  Dropout: (random) => ({ attributes: {}, shape: vectorOrImage(random) }),
  MixedActivation(random) {
    const shape = vectorOrImage(random);
    const kinds = Uint8Array.from({ length: sizeOf(shape) }, () => random.int(0, 2));
    const c = [shape[0]!];
    return { attributes: { kinds }, shape, weights: { c2: c, c1: c, c0: c } };
  },
  GatedActivation(random) {
    const shape = image(random);
    const [channels] = shape;
    const c = [channels];
    const gate = random.flip() ? shape : [channels, 1, 1];
    const learnt = random.flip();
    return {
      attributes: { replacement: random.pick(polynomialForms), ...(learnt && { threshold: 0.3 }) },
      shape,
      weights: { gate, c2: c, c1: c, c0: c, ...(learnt && { state: gate, moments: [7, channels] }) },
    };
  },
};

/** A window with pads below its size, dilated up to `dilations`, and an image into which it fits. */
function windowOf({ int }: Random, least: number, dilations: number): [Window, Pair] {
  const kernel: Pair = [int(least === 2 ? 1 : 2, 3), int(least === 2 ? 1 : 2, 3)];
  const pad = (axis: 0 | 1) => int(0, kernel[axis] - 1);
  const window: Window = {
    kernel,
    strides: [int(1, 2), int(1, 2)],
    pads: [pad(0), pad(1), pad(0), pad(1)],
    dilations: [int(1, dilations), int(1, dilations)],
  };
  return [window, [int(5, 8), int(5, 8)]];
}

/** Of a value and a weight, of two values, or of a value with itself; shapes broadcast. */
function pairwise(random: Random): Drawn<NoAttributes> {
  const shape = image(random);
  const [channels, height, width] = shape;
  const weight = random.pick([[channels, 1, 1], [width], [height, 1], [1], shape]);
  const other = random.pick([{ weights: { b: weight } }, { second: 'same' }, { second: 'pooled' }] as const);
  return { attributes: {}, shape, ...other };
}

export type RandomCase = {
  readonly model: Model;
  /** What has a gradient: the image and the weights that training moves. */
  readonly wanted: readonly string[];
};

const statistics = ['mean', 'variance', 'state', 'moments'];

/**
 * A network of one node of this op (and of one that feeds it). The seed draws its attributes, shapes and
 * weights.
 */
export function randomCase(op: OpType, seed: number): RandomCase {
  const uniform = seededUniform(seed, Object.keys(draws).indexOf(op));
  const int = (low: number, high: number) => low + uniformInt(uniform, high - low + 1);
  const random = {
    int,
    pick: <T>(values: readonly T[]): T => values[int(0, values.length - 1)]!,
    flip: () => uniform() < 0.5,
  };
  const { attributes, shape, weights = {}, second } = draws[op](random);
  const of = (name: string, size: number): Float32Array =>
    Float32Array.from({ length: size }, () =>
      name === 'state' ? int(0, 1) : (random.flip() ? 1 : -1) * (0.2 + 0.8 * uniform()),
    );
  const tensors = Object.entries(weights).map(([name, s]) => [name, tensor(s, of(name, sizeOf(s)))] as const);
  const seconds = second === undefined ? [] : [second === 'same' ? 'image' : 'pooled'];
  const node = {
    op,
    name: 'node',
    inputs: ['image', ...seconds, ...Object.keys(weights)],
    outputs: ['y'],
    attributes,
  } as unknown as Node;
  const pooled: Node = {
    op: 'GlobalAveragePool',
    name: 'pooling',
    inputs: ['image'],
    outputs: ['pooled'],
    attributes: {},
  };
  const nodes = second === 'pooled' ? [pooled, node] : [node];
  const wanted = ['image', ...Object.keys(weights).filter((name) => !statistics.includes(name))];
  return { model: oneOutput(shape, nodes, new Map(tensors)), wanted };
}

function oneOutput(shape: Shape, nodes: readonly Node[], weights: Model['weights']): Model {
  const graph = { name: 'case', inputs: [{ name: 'image', shape }], outputs: [], nodes };
  const outputs = [{ name: 'y', shape: inferShapes({ graph, weights }).get('y')! }];
  return { graph: { ...graph, outputs }, weights };
}
