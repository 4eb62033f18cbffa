import { inferShapes } from '../analysis/shapes.ts';
import type { Model, NodeOf, OpType } from '../graph.ts';
import type { Shape } from '../tensor.ts';

/** An axis of a weight whose slices belong to channels. */
export type Tie = {
  readonly node: string;
  readonly weight: string;
  readonly axis: number;
  /** The channel of each slice. */
  readonly channels: Int32Array;
  /**
   * How a slice belongs to its channel:
   * - makes: the slice computes the channel
   * - reads: the slice takes the channel as input
   * - scales: the slice is the channel's factor or summand
   * - statistics: the slice is a running statistic of the channel
   */
  readonly role: 'makes' | 'reads' | 'scales' | 'statistics';
};

/**
 * Which channels of a network are tied together. A sum or a depthwise convolution ties the channels on both
 * of its sides, so that they can only be removed together. Channels are numbered through the whole network;
 * tied channels have the same number.
 */
export type Channels = {
  /** For each value, the channel of each slice along its first axis. */
  readonly of: ReadonlyMap<string, Int32Array>;
  readonly ties: readonly Tie[];
  /**
   * Channels that must stay: those of the graph's input and outputs, and those of ops that need all of them.
   */
  readonly locked: ReadonlySet<number>;
};

/** Finds the tied channels of a model. Throws ModelError if its shapes do not fit. */
export function channelsOf(model: Model): Channels {
  const reading = new Reading(model);
  for (const { name, shape } of model.graph.inputs) reading.lock(reading.fresh(name, shape[0] ?? 0));
  for (const node of model.graph.nodes) (rules[node.op] as Rule<OpType>)(node, reading);
  for (const { name } of model.graph.outputs) reading.lock(reading.at(name));
  return reading.result();
}

type Rule<K extends OpType> = (node: NodeOf<K>, reading: Reading) => void;

/** The output has the channels of the first input. Weights hold one number per channel, or one for all. */
const keep: Rule<OpType> = (node, reading) => {
  const [x, ...weights] = node.inputs as [string, ...string[]];
  const channels = reading.share(node, reading.at(x));
  for (const weight of weights) reading.tieAligned(node, weight, channels);
};

/**
 * All inputs with as many channels as the output are tied to it. An input that broadcasts over the channels
 * locks them all.
 */
const join: Rule<OpType> = (node, reading) => {
  const size = reading.shapeOf(node.outputs[0]!)[0] ?? 0;
  const values = node.inputs.filter((name) => reading.isValue(name)).map((name) => reading.at(name));
  const [first, ...others] = values.filter((channels) => channels.length === size);
  const channels = first === undefined ? reading.fresh(node.outputs[0]!, size) : reading.share(node, first);
  for (const other of others) reading.unite(channels, other);
  if (others.length + 1 < values.length) [channels, ...values].forEach((all) => reading.lock(all));
  for (const name of node.inputs) if (!reading.isValue(name)) reading.tieAligned(node, name, channels);
};

/**
 * Flattening turns each channel into one feature per place, in a row. Any other change of shape locks the
 * channels.
 */
const flatten: Rule<'Flatten' | 'Reshape'> = (node, reading) => {
  const [x, output] = [node.inputs[0]!, node.outputs[0]!];
  const channels = reading.at(x);
  const shape = reading.shapeOf(output);
  if (shape.length === 1) {
    const places = shape[0]! / channels.length;
    reading.set(
      output,
      Int32Array.from({ length: shape[0]! }, (_, i) => channels[Math.floor(i / places)]!),
    );
  } else {
    reading.lock(channels);
    reading.lock(reading.fresh(output, shape[0] ?? 0));
  }
};

const rules: { readonly [K in OpType]: Rule<K> } = {
  Conv(node, reading) {
    const [x, weight, bias = ''] = node.inputs as [string, string, string?];
    const [input, [count = 0, perGroup]] = [reading.at(x), reading.shapeOf(weight)];
    const { group } = node.attributes;
    if (group > 1 && perGroup === 1) {
      const each = count / group;
      const output = input.length === group ? spread(input, each) : reading.fresh(node.outputs[0]!, count);
      reading.set(node.outputs[0]!, output);
      reading.tie(node, weight, 0, output, 'scales');
      reading.tieAligned(node, bias, output);
      return;
    }
    const output = reading.fresh(node.outputs[0]!, count);
    if (group > 1) [input, output].forEach((channels) => reading.lock(channels));
    reading.tie(node, weight, 0, output, 'makes');
    if (group === 1) reading.tie(node, weight, 1, input, 'reads');
    reading.tieAligned(node, bias, output);
  },
  Gemm(node, reading) {
    const [x, weight, bias = ''] = node.inputs as [string, string, string?];
    const outputAxis = node.attributes.transB ? 0 : 1;
    const output = reading.fresh(node.outputs[0]!, reading.shapeOf(weight)[outputAxis]!);
    reading.tie(node, weight, outputAxis, output, 'makes');
    reading.tie(node, weight, 1 - outputAxis, reading.at(x), 'reads');
    reading.tieAligned(node, bias, output);
  },
  MatMul(node, reading) {
    const [x, weight] = node.inputs as [string, string];
    const output = reading.fresh(node.outputs[0]!, reading.shapeOf(weight)[1]!);
    reading.tie(node, weight, 1, output, 'makes');
    reading.tie(node, weight, 0, reading.at(x), 'reads');
  },
  BatchNormalization(node, reading) {
    const [x, ...weights] = node.inputs as [string, ...string[]];
    const channels = reading.share(node, reading.at(x));
    weights.forEach((weight, i) => reading.tie(node, weight, 0, channels, i < 2 ? 'scales' : 'statistics'));
  },
  Concat(node, reading) {
    if (node.attributes.axis !== 1) return join(node, reading);
    const parts = node.inputs.map((name) => [...reading.at(name)]);
    reading.set(node.outputs[0]!, Int32Array.from(parts.flat()));
  },
  Gather(node, reading) {
    if (node.attributes.axis !== 1) return keep(node, reading);
    const channels = reading.at(node.inputs[0]!);
    reading.set(
      node.outputs[0]!,
      Int32Array.from(node.attributes.indices, (i) => channels[i]!),
    );
  },
  GatedActivation(node, reading) {
    keep(node, reading);
    reading.lock(reading.at(node.inputs[0]!)); // each element has a gate of its own, so no channel is removed
  },
  Flatten: flatten,
  Reshape: flatten,
  Add: join,
  Sub: join,
  Mul: join,
  Relu: keep,
  Clip: keep,
  LeakyRelu: keep,
  PRelu: keep,
  Sigmoid: keep,
  HardSigmoid: keep,
  HardSwish: keep,
  Swish: keep,
  Tanh: keep,
  Elu: keep,
  Celu: keep,
  Gelu: keep,
  Erf: keep,
  MixedActivation: keep,
  MaxPool: keep,
  AveragePool: keep,
  GlobalAveragePool: keep,
  Pad: keep,
  Identity: keep,
  Dropout: keep,
};

function spread(channels: Int32Array, each: number): Int32Array {
  return Int32Array.from({ length: channels.length * each }, (_, i) => channels[Math.floor(i / each)]!);
}

/**
 * The channels while the graph is being read, as a union-find forest: numbers with the same root are tied.
 */
class Reading {
  readonly #model: Model;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #parents: number[] = [];
  readonly #of = new Map<string, Int32Array>();
  readonly #ties: Tie[] = [];
  readonly #locked: Int32Array[] = [];

  constructor(model: Model) {
    this.#model = model;
    this.#shapes = inferShapes(model);
  }

  isValue(name: string): boolean {
    return this.#of.has(name);
  }

  /** The shape of a weight, or of a value without the batch. */
  shapeOf(name: string): Shape {
    return this.#shapes.get(name) ?? this.#model.weights.get(name)!.shape;
  }

  at(value: string): Int32Array {
    return this.#of.get(value)!;
  }

  set(value: string, channels: Int32Array): void {
    this.#of.set(value, channels);
  }

  fresh(value: string, count: number): Int32Array {
    const channels = Int32Array.from({ length: count }, () => this.#parents.push(this.#parents.length) - 1);
    this.#of.set(value, channels);
    return channels;
  }

  share(node: NodeOf<OpType>, channels: Int32Array): Int32Array {
    this.#of.set(node.outputs[0]!, channels);
    return channels;
  }

  unite(a: Int32Array, b: Int32Array): void {
    a.forEach((channel, i) => (this.#parents[this.#root(channel)] = this.#root(b[i]!)));
  }

  lock(channels: Int32Array): void {
    this.#locked.push(channels);
  }

  tie(node: NodeOf<OpType>, weight: string, axis: number, channels: Int32Array, role: Tie['role']): void {
    this.#ties.push({ node: node.name, weight, axis, channels, role });
  }

  /**
   * Ties a weight that broadcasts to the node's output, if it has one number per channel. Shapes are aligned
   * at their ends.
   */
  tieAligned(node: NodeOf<OpType>, weight: string, channels: Int32Array): void {
    if (weight === '') return;
    const rank = this.#shapes.get(node.outputs[0]!)!.length;
    const shape = this.shapeOf(weight);
    // A bias or a coefficient.
    const isVector = shape.length === 1 && !['Add', 'Mul', 'PRelu'].includes(node.op);
    const axis = isVector ? 0 : shape.length - rank;
    if (axis >= 0 && shape[axis] === channels.length && channels.length > 1)
      this.tie(node, weight, axis, channels, 'scales');
  }

  result(): Channels {
    const roots = (channels: Int32Array) => channels.map((channel) => this.#root(channel));
    return {
      of: new Map([...this.#of].map(([value, channels]) => [value, roots(channels)])),
      ties: this.#ties.map((tie) => ({ ...tie, channels: roots(tie.channels) })),
      locked: new Set(this.#locked.flatMap((channels) => [...roots(channels)])),
    };
  }

  #root(channel: number): number {
    let root = channel;
    while (this.#parents[root] !== root) root = this.#parents[root]!;
    this.#parents[channel] = root;
    return root;
  }
}
