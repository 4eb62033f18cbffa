import type { Model, Node, NodeOf, OpType } from '../../models/graph.ts';
import type { Tensor } from '../../models/tensor.ts';
import { ModelError } from '../../src/shared/errors.ts';

/**
 * A linear layer in real numbers, with weights [M, C / group, kh, kw] and bias [M]. It is the server's
 * secret.
 */
export type RealLinear = { readonly weights: Float64Array; readonly bias: Float64Array };

export type LinearOp = 'Conv' | 'Gemm' | 'MatMul' | 'BatchNormalization';

type Reader<K extends OpType> = (
  node: NodeOf<K>,
  weight: (input: number) => Tensor | undefined,
) => RealLinear;

const readers: { [K in LinearOp]: Reader<K> } = {
  Conv: (_node, weight) => {
    const kernel = weight(1)!;
    return withBias(new Float64Array(kernel.data), kernel.shape[0]!, weight(2), 1);
  },
  Gemm: (node, weight) => {
    const { alpha, beta, transB } = node.attributes;
    const matrix = weight(1)!;
    const rows = transB ? new Float64Array(matrix.data) : transposed(matrix);
    return withBias(
      rows.map((w) => alpha * w),
      matrix.shape[transB ? 0 : 1]!,
      weight(2),
      beta,
    );
  },
  MatMul: (_node, weight) => {
    const matrix = weight(1)!;
    return withBias(transposed(matrix), matrix.shape[1]!, undefined, 1);
  },
  BatchNormalization: (node, weight) => {
    const [scale, shift, mean, variance] = [weight(1)!, weight(2)!, weight(3)!, weight(4)!];
    const weights = Float64Array.from(
      scale.data,
      (s, c) => s / Math.sqrt(variance.data[c]! + node.attributes.epsilon),
    );
    return { weights, bias: weights.map((w, c) => shift.data[c]! - w * mean.data[c]!) };
  },
};

export function isLinear(node: Node): node is NodeOf<LinearOp> & Node {
  return node.op in readers;
}

/** Reads the weights and bias of a linear node. Throws ModelError if a weight is missing. */
export function realLinear(model: Model, node: NodeOf<LinearOp>): RealLinear {
  const weight = (input: number): Tensor | undefined => {
    const name = node.inputs[input];
    if (name === undefined || name === '') return undefined;
    return model.weights.get(name) ?? missing(node.name, name);
  };
  return (readers[node.op] as Reader<LinearOp>)(node, weight);
}

function missing(node: string, weight: string): never {
  throw new ModelError(`node ${node}: weight ${weight} is not in the model`);
}

/** A layer with its bias times `factor`; a bias of one element is broadcast. */
function withBias(weights: Float64Array, maps: number, bias: Tensor | undefined, factor: number): RealLinear {
  const value = (m: number) => (bias === undefined ? 0 : bias.data[bias.data.length === 1 ? 0 : m]!);
  return { weights, bias: Float64Array.from({ length: maps }, (_, m) => factor * value(m)) };
}

/** Transposes [K, M] to [M, K]. */
function transposed({ shape, data }: Tensor): Float64Array {
  const [features, maps] = shape as [number, number];
  const rows = new Float64Array(features * maps);
  for (let k = 0; k < features; k++) {
    for (let m = 0; m < maps; m++) rows[m * features + k] = data[k * maps + m]!;
  }
  return rows;
}

/** Broadcasts the constant operand of an Add to `shape`. */
export function realConstant(constant: Tensor, shape: readonly number[]): Float64Array {
  const size = shape.reduce((product, length) => product * length, 1);
  // As in numpy, shapes are aligned at their ends; the constant may have a leading batch dimension of 1.
  const strides = broadcastStrides(constant.shape, shape);
  return Float64Array.from({ length: size }, (_, index) => {
    let rest = index;
    let at = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (rest % shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    return constant.data[at]!;
  });
}

function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const strides = to.map(() => 0);
  let stride = 1;
  for (let back = 1; back <= Math.min(from.length, to.length); back++) {
    const length = from[from.length - back]!;
    strides[to.length - back] = length === 1 ? 0 : stride;
    stride *= length;
  }
  return strides;
}
