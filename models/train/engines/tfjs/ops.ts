import * as tf from '@tensorflow/tfjs-core';
import { namesOf } from '../../../../src/shared/kinds.ts';
import { activationKinds } from '../../../graph.ts';
import type { ByActivationKind, NodeOf, OpType } from '../../../graph.ts';
import { gatedActivation } from './gated-activation.ts';
import { averagePool, conv, maxPool } from './windows.ts';
import { acrossPlaces } from './forward.ts';
import type { Forward, ForwardContext } from './forward.ts';

/** Computes every op with tfjs, which differentiates it by itself. */
const forwards: { readonly [K in OpType]: Forward<K> } = {
  Conv: conv,
  Gemm(node, [x, weight, bias]) {
    const { alpha, beta, transB } = node.attributes;
    const product = tf.mul(tf.matMul(x!, weight!, false, transB), alpha);
    return bias === undefined ? product : tf.add(product, tf.mul(bias, beta));
  },
  MatMul: (_node, [x, weight]) => tf.matMul(x!, weight!),
  Relu: (_node, [x]) => tf.relu(x!),
  Clip: (node, [x]) => tf.clipByValue(x!, node.attributes.min, node.attributes.max),
  LeakyRelu: (node, [x]) => tf.leakyRelu(x!, node.attributes.alpha),
  PRelu: (_node, [x, slope]) => tf.prelu(x!, slope!),
  Sigmoid: (_node, [x]) => tf.sigmoid(x!),
  HardSigmoid: (node, [x]) => hardSigmoid(x!, node.attributes.alpha, node.attributes.beta),
  HardSwish: (_node, [x]) => tf.mul(x!, hardSigmoid(x!, 1 / 6, 0.5)),
  Swish: (_node, [x]) => tf.mul(x!, tf.sigmoid(x!)),
  Tanh: (_node, [x]) => tf.tanh(x!),
  Elu: (node, [x]) => tf.add(tf.relu(x!), tf.mul(tf.elu(tf.minimum(x!, 0)), node.attributes.alpha)),
  Celu: ({ attributes: { alpha } }, [x]) =>
    tf.add(tf.relu(x!), tf.mul(tf.elu(tf.div(tf.minimum(x!, 0), alpha)), alpha)),
  Gelu: (_node, [x]) => tf.mul(x!, tf.mul(tf.add(tf.erf(tf.mul(x!, Math.SQRT1_2)), 1), 0.5)),
  Erf: (_node, [x]) => tf.erf(x!),
  Add: (_node, [a, b]) => tf.add(a!, b!),
  Mul: (_node, [a, b]) => tf.mul(a!, b!),
  Sub: (_node, [a, b]) => tf.sub(a!, b!),
  BatchNormalization: batchNormalization,
  MaxPool: (node, [x], { outputShape }) => maxPool(node, x!, outputShape),
  AveragePool: (node, [x], { outputShape }) => averagePool(node, x!, outputShape),
  GlobalAveragePool: (_node, [x]) => tf.mean(x!, [2, 3], true),
  Pad(node, [x]) {
    const [top, left, bottom, right] = node.attributes.pads;
    const around: [number, number][] = [
      [0, 0],
      [0, 0],
      [top, bottom],
      [left, right],
    ];
    return tf.pad(x!, around, node.attributes.value);
  },
  Flatten: (_node, [x], { outputShape }) => tf.reshape(x!, [...outputShape]),
  Reshape: (_node, [x], { outputShape }) => tf.reshape(x!, [...outputShape]),
  Concat: (node, inputs) => tf.concat([...inputs], node.attributes.axis),
  Gather: (node, [x]) => tf.gather(x!, [...node.attributes.indices], node.attributes.axis),
  Identity: (_node, [x]) => x!,
  Dropout: (_node, [x]) => x!,
  MixedActivation: mixedActivation,
  GatedActivation: gatedActivation,
};

export function forwardNode<K extends OpType>(
  node: NodeOf<K>,
  inputs: readonly tf.Tensor[],
  context: ForwardContext,
): tf.Tensor {
  return forwards[node.op](node, inputs, context);
}

function hardSigmoid(x: tf.Tensor, alpha: number, beta: number): tf.Tensor {
  return tf.clipByValue(tf.add(tf.mul(x, alpha), beta), 0, 1);
}

/** Normalises by the batch's own mean and variance. */
function batchNormalization(
  node: NodeOf<'BatchNormalization'>,
  [x, scale, bias]: readonly tf.Tensor[],
  { statistic }: ForwardContext,
): tf.Tensor {
  const axes = x!.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const { mean, variance } = tf.moments(x!, axes, true);
  statistic(node.inputs[3]!, tf.reshape(mean, [-1]));
  statistic(node.inputs[4]!, tf.reshape(variance, [-1]));
  const deviation = tf.sqrt(tf.add(variance, node.attributes.epsilon));
  const normal = tf.div(tf.sub(x!, mean), deviation);
  return tf.add(tf.mul(normal, acrossPlaces(scale!, x!)), acrossPlaces(bias!, x!));
}

function mixedActivation(node: NodeOf<'MixedActivation'>, [x, c2, c1, c0]: readonly tf.Tensor[]): tf.Tensor {
  const coefficients = [c2!, c1!, c0!].map((c) => acrossPlaces(c, x!));
  const isKind = (code: number) =>
    tf.tensor(
      node.attributes.kinds.map((own) => (own === code ? 1 : 0)),
      x!.shape.slice(1),
      'bool',
    );
  return namesOf(activationKinds).reduce((y, kind) => {
    const value = activated[kind](x!, coefficients);
    return value === x ? y : tf.where(isKind(activationKinds[kind]), value, y);
  }, x!);
}

/** y of an element. */
const activated: ByActivationKind<(x: tf.Tensor, coefficients: readonly tf.Tensor[]) => tf.Tensor> = {
  identity: (x) => x,
  relu: (x) => tf.relu(x),
  poly: (x, [c2, c1, c0]) => tf.add(tf.mul(tf.add(tf.mul(x, c2!), c1!), x), c0!),
};
