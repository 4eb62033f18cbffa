import type { Node, OpType } from '../../graph.ts';
import { sizeOf } from '../../tensor.ts';
import type { NodeCost, Io } from '../definition.ts';

/**
 * True for the ops that act on each element by itself and are not linear. A reduction may replace such an op,
 * element by element, by a ReLU, a polynomial or nothing.
 */
const activationOps: { readonly [K in OpType]: boolean } = {
  Relu: true,
  MixedActivation: true,
  GatedActivation: true,
  Clip: true,
  LeakyRelu: true,
  PRelu: true,
  Sigmoid: true,
  HardSigmoid: true,
  HardSwish: true,
  Swish: true,
  Tanh: true,
  Elu: true,
  Celu: true,
  Gelu: true,
  Erf: true,
  Conv: false,
  Gemm: false,
  MatMul: false,
  Add: false,
  Sub: false,
  Mul: false,
  BatchNormalization: false,
  MaxPool: false,
  AveragePool: false,
  GlobalAveragePool: false,
  Pad: false,
  Flatten: false,
  Reshape: false,
  Concat: false,
  Gather: false,
  Identity: false,
  Dropout: false,
};

export function isActivation(node: Pick<Node, 'op'>): boolean {
  return activationOps[node.op];
}

/**
 * The cost of an activation other than Relu: one ReLU per element and `macsEach` multiplications per element.
 */
export function activationCost(macsEach: number): (attributes: unknown, io: Io) => NodeCost {
  return (_attributes, { inputs, outputs: [y = []], isWeight }) => {
    const size = sizeOf(y);
    const params = inputs.reduce((sum, shape, i) => sum + (isWeight[i] ? sizeOf(shape) : 0), 0);
    return { macs: macsEach * size, relus: size, params };
  };
}
