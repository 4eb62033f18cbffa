import { AttributeReader } from '../ops/attributes.ts';
import type { Node } from '../graph.ts';
import { refuse } from '../refusal.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';
import type { FileNode } from '../onnx/decode.ts';
import type { RawAttribute, RawTensor } from '../onnx/raw.ts';
import { indexer, numbersOf, stridesOf } from './constant.ts';
import type { Constant } from './constant.ts';
import { transpose } from './fold-layout.ts';

/**
 * A value of the file whose axes are those of our value `of` in another order: axis i of the file's is axis
 * order[i] of ours. The batch is not counted. Transposes only make such views; nodes that act on each element
 * by itself, or along an axis, run on our value. So a pair of Transposes, and the channels-last form that
 * TensorFlow writes, leave nothing behind.
 */
type View = { readonly of: string; readonly order: readonly number[] };

/** What views need of the reader. */
type Reading = {
  /** The shape of one of our values; undefined for a constant, or behind an unsupported node. */
  readonly shapeOf: (value: string) => Shape | undefined;
  readonly constantOf: (name: string) => Constant | undefined;
  readonly addConstant: (tensor: RawTensor) => string;
  readonly add: (node: Node) => void;
  /** Returns an unused name for a value. */
  readonly fresh: (wanted: string) => string;
};

/** A node on our values, and the order of its output. */
type Viewed = { readonly node: FileNode; readonly order: readonly number[] | undefined };

export class Views {
  readonly #reading: Reading;
  readonly #views = new Map<string, View>();
  readonly #inOrder = new Map<string, string>();

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** Says that the file's value `name` is our value `of` in another order. */
  set(name: string, of: string, order: readonly number[]): void {
    this.#views.set(name, { of, order });
  }

  has(name: string): boolean {
    return this.#views.has(name);
  }

  /** Our value. */
  of(name: string): string {
    return this.#views.get(name)?.of ?? name;
  }

  /** The shape that the file's value has. */
  shapeOf(name: string): Shape | undefined {
    const shape = this.#reading.shapeOf(name);
    return (shape && this.#views.get(name)?.order.map((axis) => shape[axis]!)) ?? shape;
  }

  /** A Transpose of a computed value: one more view. */
  transpose(node: FileNode, attributes: AttributeReader): void {
    const x = node.inputs[0]!;
    const rank = this.shapeOf(x)!.length + 1;
    const perm = attributes.ints('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    const isWhole = perm.length === rank && [...perm].sort((a, b) => a - b).every((axis, i) => axis === i);
    if (!isWhole || perm[0] !== 0)
      refuse(`perm [${perm.join(', ')}] moves the batch, or does not fit its input`);
    const before = this.#orderOf(x);
    this.set(
      node.outputs[0]!,
      this.of(x),
      perm.slice(1).map((axis) => before[axis - 1]!),
    );
  }

  /** The node on our values. Undefined if its output is a view, and no node is needed. */
  viewed(node: FileNode): Viewed | undefined {
    const values = node.inputs.filter((name) => this.#reading.shapeOf(name) !== undefined);
    if (!values.some((name) => this.has(name))) return { node, order: undefined };
    const [order = [], ...others] = values.map((name) => this.#orderOf(name));
    const isCommon = others.every((other) => other.join() === order.join());
    if (isCommon && isIdentity(order)) return { node: this.#onOurs(node), order: undefined };
    const rule = Object.hasOwn(rules, node.op) ? rules[node.op] : undefined;
    if (isCommon && node.domain === '' && rule !== undefined)
      return rule(this.#onOurs(node), order, this.#reading);
    if (isCommon && (node.op === 'Reshape' || node.op === 'Flatten')) return this.#reshaped(node, order);
    return { node: this.#inFilesOrder(node), order: undefined };
  }

  /** Makes the file's value one of ours, and returns its name. */
  asOurs(name: string): string {
    const view = this.#views.get(name);
    if (view === undefined) return name;
    const isOurs = isIdentity(view.order);
    const output = view.of !== name ? name : isOurs ? name : this.#reading.fresh(`${name}/ordered`);
    if (isOurs && view.of !== name) this.#reading.add(identity(output, view.of));
    if (!isOurs) this.#permute(view.of, view.order, output);
    this.#views.delete(name);
    return output;
  }

  #orderOf(name: string): readonly number[] {
    return this.#views.get(name)?.order ?? this.#reading.shapeOf(name)!.map((_, axis) => axis);
  }

  #onOurs(node: FileNode): FileNode {
    return { ...node, inputs: node.inputs.map((name) => this.of(name)) };
  }

  /** The node on values whose elements are moved to the file's order first. */
  #inFilesOrder(node: FileNode): FileNode {
    return { ...node, inputs: node.inputs.map((name) => this.#moved(name)) };
  }

  #moved(name: string): string {
    const view = this.#views.get(name);
    if (view === undefined || isIdentity(view.order)) return this.of(name);
    const key = `${view.of} ${view.order.join()}`;
    const known = this.#inOrder.get(key);
    if (known !== undefined) return known;
    const moved = this.#reading.fresh(`${name}/ordered`);
    this.#permute(view.of, view.order, moved);
    this.#inOrder.set(key, moved);
    return moved;
  }

  /** Rows of all axes but the last ones that stay, picked in another order. */
  #permute(of: string, order: readonly number[], output: string): void {
    const shape = this.#reading.shapeOf(of)!;
    let moving = order.length;
    while (moving > 0 && order[moving - 1] === moving - 1) moving--;
    const outer = order.slice(0, moving).map((axis) => shape[axis]!);
    const [rows, inner] = [sizeOf(outer), sizeOf(shape.slice(moving))];
    const strides = stridesOf(shape.slice(0, moving));
    const from = indexer(
      outer,
      order.slice(0, moving).map((axis) => strides[axis]!),
    );
    const [flat, picked] = [this.#reading.fresh(`${output}/rows`), this.#reading.fresh(`${output}/picked`)];
    this.#reading.add(reshape(flat, of, inner === 1 ? [rows] : [rows, inner]));
    const indices = Array.from({ length: rows }, (_, i) => from(i));
    this.#reading.add({ ...unnamed(picked, flat), op: 'Gather', attributes: { axis: 1, indices } });
    this.#reading.add(
      reshape(
        output,
        picked,
        order.map((axis) => shape[axis]!),
      ),
    );
  }

  /** If only axes of length 1 have moved, the elements lie in the same order. */
  #reshaped(node: FileNode, order: readonly number[]): Viewed | undefined {
    const [x, target = ''] = node.inputs as [string, string?];
    const shape = this.#reading.shapeOf(x)!;
    const long = order.filter((axis) => shape[axis] !== 1);
    if (!long.every((axis, i) => i === 0 || axis > long[i - 1]!)) {
      const inputs = [this.#moved(x), ...node.inputs.slice(1)];
      return { node: { ...node, inputs }, order: undefined };
    }
    if (node.op === 'Flatten') return { node: this.#onOurs(node), order: undefined };
    const sizes = this.#targetOf(target, this.shapeOf(x)!);
    if (sizes.slice(1).join() === shape.join()) {
      this.set(
        node.outputs[0]!,
        this.of(x),
        shape.map((_, axis) => axis),
      );
      return undefined;
    }
    const data = BigInt64Array.from(sizes, BigInt);
    const name = this.#reading.addConstant({ name: target, dtype: 'int64', shape: [sizes.length], data });
    return { node: { ...node, inputs: [this.of(x), name] }, order: undefined };
  }

  /** The target of a Reshape; zeros after the batch copy sizes of the file's shape, and are filled in. */
  #targetOf(name: string, from: Shape): number[] {
    const constant = this.#reading.constantOf(name)?.tensor;
    if (constant?.dtype !== 'int64') refuse('its target shape is not a constant list of integers');
    return Array.from(constant.data, (size, i) => (size === 0n && i > 0 ? (from[i - 1] ?? 0) : Number(size)));
  }
}

/** Turns a node that reads values in the file's order, whose inputs are ours already, into one on ours. */
type Rule = (node: FileNode, order: readonly number[], reading: Reading) => Viewed;

/** Each element by itself: constants are moved to our order. */
const elementwise: Rule = (node, order, reading) => ({
  node: { ...node, inputs: node.inputs.map((name) => constantInOrder(name, order, reading)) },
  order,
});

/** Along an axis that the attribute `axis` names. */
const alongAxis =
  (fallback: number): Rule =>
  (node, order) => {
    const attributes = node.attributes();
    const axis = ourAxis(intOf(attributes['axis']) ?? fallback, order);
    return { node: { ...node, attributes: () => ({ ...attributes, axis: { int: axis } }) }, order };
  };

/** Over axes that go away, if `keepdims` does not keep them. */
const overAxes: Rule = (node, order, reading) => {
  const { axes: listed, ...attributes } = node.attributes();
  const [x = '', input = ''] = node.inputs;
  const given = listed !== undefined && 'ints' in listed ? listed.ints : integersAt(input, reading);
  if (given === undefined) return { node, order };
  const ints = given.map((axis) => ourAxis(axis, order));
  const keeps = node.op === 'ReduceMean' && intOf(attributes['keepdims']) !== 0;
  const left = order.filter((axis) => !ints.includes(axis + 1));
  const rest = left.map((axis) => left.filter((other) => other < axis).length);
  return {
    node: { ...node, inputs: [x], attributes: () => ({ ...attributes, axes: { ints } }) },
    order: keeps ? order : rest,
  };
};

/** Pads before and after each axis, of the axes that an input lists or of all. */
const padded: Rule = (node, order, reading) => {
  const [x = '', pads = '', value = '', axes = ''] = node.inputs;
  const listed = integersAt(axes, reading) ?? [0, ...order.map((_, i) => i + 1)];
  return { node: { ...node, inputs: [x, pads, value, ourAxes(x, listed, order, reading)] }, order };
};

/** The axes are an input, or the first ones. */
const slice: Rule = (node, order, reading) => {
  const [x = '', starts = '', ends = '', axes = '', ...steps] = node.inputs;
  const listed = integersAt(axes, reading) ?? integersAt(starts, reading)?.map((_, i) => i) ?? [];
  return {
    node: { ...node, inputs: [x, starts, ends, ourAxes(x, listed, order, reading), ...steps] },
    order,
  };
};

function integersAt(name: string, reading: Reading): number[] | undefined {
  const constant = reading.constantOf(name);
  return constant && numbersOf({ constant, shape: undefined });
}

/** Adds the axes as a constant, and returns its name. */
function ourAxes(x: string, axes: readonly number[], order: readonly number[], reading: Reading): string {
  const data = BigInt64Array.from(axes, (axis) => BigInt(ourAxis(axis, order)));
  return reading.addConstant({ name: `${x}/axes`, dtype: 'int64', shape: [data.length], data });
}

const rules: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(
    [
      ...[
        'Relu',
        'Clip',
        'LeakyRelu',
        'PRelu',
        'Sigmoid',
        'HardSigmoid',
        'HardSwish',
        'Swish',
        'Tanh',
        'Elu',
      ],
      ...[
        'Celu',
        'Gelu',
        'Erf',
        'Add',
        'Sub',
        'Mul',
        'Div',
        'Sum',
        'Max',
        'Min',
        'Pow',
        'Neg',
        'Abs',
        'Cast',
      ],
      ...['Identity', 'Dropout', 'QuantizeLinear', 'DequantizeLinear'],
    ].map((op) => [op, elementwise]),
  ),
  Concat: alongAxis(0),
  Split: alongAxis(0),
  ReduceMean: overAxes,
  Squeeze: overAxes,
  Pad: padded,
  Slice: slice,
};

function intOf(attribute: RawAttribute | undefined): number | undefined {
  return attribute !== undefined && 'int' in attribute ? attribute.int : undefined;
}

/** Our axis for one of the file's; both count the batch as 0. */
function ourAxis(axis: number, order: readonly number[]): number {
  const positive = axis < 0 ? axis + order.length + 1 : axis;
  return positive === 0 ? 0 : (order[positive - 1] ?? refuse(`axis ${axis} is out of range`)) + 1;
}

function constantInOrder(name: string, order: readonly number[], reading: Reading): string {
  const constant = reading.constantOf(name);
  if (constant === undefined || constant.tensor.data.length === 1) return name;
  const { tensor, batchAt } = constant;
  const missing = order.length + 1 - tensor.shape.length;
  if (missing < 0) refuse(`its constant [${tensor.shape.join(', ')}] has more dimensions than its value`);
  const shape = [...Array.from({ length: missing }, () => 1), ...tensor.shape];
  const perm = shape.map((_, axis) => (axis === 0 ? 0 : order.indexOf(axis - 1) + 1));
  const whole: Constant = { tensor: { ...tensor, shape }, batchAt };
  const moved = transpose(new AttributeReader({ perm: { ints: perm } }), [{ constant: whole, shape }]);
  return reading.addConstant({ ...moved.tensor, name: `${name}/ordered` });
}

function isIdentity(order: readonly number[]): boolean {
  return order.every((axis, i) => axis === i);
}

function unnamed(output: string, input: string) {
  return { name: output, inputs: [input], outputs: [output] };
}

function identity(output: string, input: string): Node {
  return { op: 'Identity', ...unnamed(output, input), attributes: {} };
}

function reshape(output: string, input: string, shape: Shape): Node {
  return { op: 'Reshape', ...unnamed(output, input), attributes: { shape } };
}

/**
 * Whether the input [N, H, W, C] is brought into the order [N, C, H, W] before anything but arithmetic with
 * constants reads it: by a Transpose, or by a Reshape for a single channel.
 */
export function isChannelsLast(
  { name, shape }: { name: string; shape: Shape },
  nodes: readonly FileNode[],
  isConstant: (name: string) => boolean,
): boolean {
  if (shape.length !== 3) return false;
  const images = new Set([name]);
  let found = false;
  for (const node of nodes) {
    if (!node.inputs.some((input) => images.has(input))) continue;
    if (rules[node.op] === elementwise && node.inputs.every((i) => images.has(i) || isConstant(i)))
      images.add(node.outputs[0] ?? '');
    else if (bringsChannelsFirst(node) || (node.op === 'Reshape' && shape[2] === 1)) found = true;
    else return false;
  }
  return found;
}

function bringsChannelsFirst({ op, attributes }: FileNode): boolean {
  const perm = op === 'Transpose' ? attributes()['perm'] : undefined;
  return perm !== undefined && 'ints' in perm && perm.ints.join() === '0,3,1,2';
}
