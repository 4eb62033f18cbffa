import * as tf from '@tensorflow/tfjs-core';
import { UsageError } from '../../../../src/shared/errors.ts';
import type { RawNode } from '../../../onnx/raw.ts';

/** An ONNX op on tensors. `numbers` returns the numbers of a constant input. */
type RawOp = (inputs: readonly tf.Tensor[], node: RawNode, numbers: (input: number) => number[]) => tf.Tensor;

type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

const unary =
  (f: (x: tf.Tensor) => tf.Tensor): RawOp =>
  ([x]) =>
    f(x!);
const binary =
  (f: Binary): RawOp =>
  ([a, b]) =>
    f(a!, b!);
const folded =
  (f: Binary): RawOp =>
  (inputs) =>
    inputs.reduce((a, b) => f(a, b));

/** The ops of a step's losses, penalties, optimisers and statistics. The network's own ops are in ops.ts. */
const rawOps: ReadonlyMap<string, RawOp> = new Map<string, RawOp>([
  ['Identity', unary((x) => x)],
  ['Abs', unary(tf.abs)],
  ['Neg', unary(tf.neg)],
  ['Sign', unary(tf.sign)],
  ['Sqrt', unary(tf.sqrt)],
  ['Exp', unary(tf.exp)],
  ['Log', unary(tf.log)],
  ['Relu', unary(tf.relu)],
  ['Sigmoid', unary(tf.sigmoid)],
  ['Softplus', unary(tf.softplus)],
  ['Not', unary(tf.logicalNot)],
  ['Add', binary(tf.add)],
  ['Sub', binary(tf.sub)],
  ['Mul', binary(tf.mul)],
  ['Div', binary(tf.div)],
  ['Pow', binary(tf.pow)],
  ['Equal', binary(tf.equal)],
  ['Greater', binary(tf.greater)],
  ['GreaterOrEqual', binary(tf.greaterEqual)],
  ['Less', binary(tf.less)],
  ['LessOrEqual', binary(tf.lessEqual)],
  ['And', binary(tf.logicalAnd)],
  ['Or', binary(tf.logicalOr)],
  ['Sum', folded(tf.add)],
  ['Max', folded(tf.maximum)],
  ['Min', folded(tf.minimum)],
  ['Where', ([condition, a, b]) => tf.where(condition!, a!, b!)],
  ['Softmax', lastAxis(tf.softmax)],
  ['LogSoftmax', lastAxis(tf.logSoftmax)],
  ['ReduceSum', ([x], node, numbers) => tf.sum(x!, numbers(1), keeps(node))],
  ['ReduceMean', ([x], node) => tf.mean(x!, list(node, 'axes'), keeps(node))],
  ['ArgMax', argMax],
  ['Cast', ([x], node) => tf.cast(x!, dtypeOf(node))],
  ['OneHot', oneHot],
  ['Reshape', ([x], _node, numbers) => tf.reshape(x!, withCopies(numbers(1), x!.shape))],
  [
    'Expand',
    ([x], _node, numbers) =>
      tf.broadcastTo(x!, tf.broadcast_util.assertAndGetBroadcastShape(x!.shape, numbers(1))),
  ],
  ['Slice', slice],
  ['Concat', (inputs, node) => tf.concat([...inputs], int(node, 'axis', 0))],
  ['Transpose', ([x], node) => tf.transpose(x!, list(node, 'perm'))],
  ['MatMul', binary(tf.matMul)],
]);

/** Runs a node. Throws UsageError for an op that tfjs does not have here. */
export function runRawNode(
  node: RawNode,
  inputs: readonly tf.Tensor[],
  numbers: (input: number) => number[],
): tf.Tensor {
  const op = rawOps.get(node.op);
  if (op === undefined)
    throw new UsageError(
      `--engine tfjs: it has no operation ${node.op}, which a loss, penalty or optimiser needs; ` +
        'use --engine onnxruntime',
    );
  return op(inputs, node, numbers);
}

function int({ attributes = {} }: RawNode, name: string, fallback: number): number {
  const value = attributes[name];
  return value !== undefined && 'int' in value ? value.int : fallback;
}

function list({ attributes = {} }: RawNode, name: string): number[] | undefined {
  const value = attributes[name];
  return value !== undefined && 'ints' in value ? [...value.ints] : undefined;
}

const keeps = (node: RawNode): boolean => int(node, 'keepdims', 1) !== 0;

function lastAxis(f: (x: tf.Tensor, axis: number) => tf.Tensor): RawOp {
  return ([x], node) => {
    const axis = int(node, 'axis', -1);
    if (axis !== -1 && axis !== x!.rank - 1)
      throw new UsageError(
        `--engine tfjs: ${node.op} is along axis ${axis} of ${x!.rank}; only the last axis is supported`,
      );
    return f(x!, x!.rank - 1);
  };
}

function argMax([x]: readonly tf.Tensor[], node: RawNode): tf.Tensor {
  const axis = int(node, 'axis', 0);
  const best = tf.argMax(x!, axis);
  return keeps(node) ? tf.expandDims(best, axis) : best;
}

/** The types that a step casts to, by ONNX's numbers. The longest integers of tfjs have 32 bits. */
const dtypes: Readonly<Record<number, 'float32' | 'int32' | 'bool'>> = {
  1: 'float32',
  6: 'int32',
  7: 'int32',
  9: 'bool',
};

function dtypeOf(node: RawNode): 'float32' | 'int32' | 'bool' {
  const dtype = dtypes[int(node, 'to', 0)];
  if (dtype === undefined)
    throw new UsageError(`--engine tfjs: Cast to ONNX type ${int(node, 'to', 0)} is not supported`);
  return dtype;
}

function oneHot(
  [labels]: readonly tf.Tensor[],
  _node: RawNode,
  numbers: (input: number) => number[],
): tf.Tensor {
  const [depth] = numbers(1);
  const [off, on] = numbers(2);
  // The wasm backend would round the two numbers to integers.
  const hot = tf.cast(tf.oneHot(labels!, depth!), 'float32');
  return tf.add(tf.mul(hot, on! - off!), off!);
}

/** Replaces each 0 of a target shape by the size of the same axis. */
function withCopies(shape: readonly number[], from: readonly number[]): number[] {
  return shape.map((size, axis) => (size === 0 ? from[axis]! : size));
}

function slice(
  [x, , , , steps]: readonly tf.Tensor[],
  _node: RawNode,
  numbers: (input: number) => number[],
): tf.Tensor {
  const [starts, ends, axes] = [numbers(1), numbers(2), numbers(3)];
  if (steps !== undefined && numbers(4).some((step) => step !== 1))
    throw new UsageError('--engine tfjs: Slice with steps is not supported');
  const begin = x!.shape.map(() => 0);
  const size = [...x!.shape];
  axes.forEach((axis, i) => {
    const full = x!.shape.at(axis)!;
    const place = (at: number) => Math.max(0, Math.min(full, at < 0 ? at + full : at));
    const at = axis < 0 ? axis + x!.rank : axis;
    begin[at] = place(starts[i]!);
    size[at] = Math.max(0, place(ends[i]!) - begin[at]);
  });
  return tf.slice(x!, begin, size);
}
