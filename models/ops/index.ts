import type { Node, NodeOf, OpType } from '../graph.ts';
import type { RawNode } from '../onnx/raw.ts';
import type { Shape } from '../tensor.ts';
import { add } from './add.ts';
import { averagePool } from './windows/average-pool.ts';
import { batchNormalization } from './batch-normalization.ts';
import { celu } from './activations/celu.ts';
import { elu } from './activations/elu.ts';
import { erf } from './activations/erf.ts';
import { gather } from './gather.ts';
import { gelu } from './activations/gelu.ts';
import { sub } from './sub.ts';
import { tanh } from './activations/tanh.ts';
import { clip } from './activations/clip.ts';
import { concat } from './concat.ts';
import { conv } from './windows/conv.ts';
import type { NodeCost, Io, NodeWriting, OpDefinition } from './definition.ts';
import type { Pullback, TrainingContext } from './gradient.ts';
import { dropout } from './dropout.ts';
import { flatten } from './flatten.ts';
import { gatedActivation } from './activations/gated-activation.ts';
import { gemm } from './gemm.ts';
import { globalAveragePool } from './windows/global-average-pool.ts';
import { hardSigmoid } from './activations/hard-sigmoid.ts';
import { hardSwish } from './activations/hard-swish.ts';
import { identity } from './identity.ts';
import { leakyRelu } from './activations/leaky-relu.ts';
import { matMul } from './mat-mul.ts';
import { maxPool } from './windows/max-pool.ts';
import { mixedActivation } from './activations/mixed-activation.ts';
import { mul } from './mul.ts';
import { pad } from './windows/pad.ts';
import { pRelu } from './activations/p-relu.ts';
import { relu } from './activations/relu.ts';
import { reshape } from './reshape.ts';
import { sigmoid } from './activations/sigmoid.ts';
import { swish } from './activations/swish.ts';

export const ops: { readonly [K in OpType]: OpDefinition<K> } = {
  Conv: conv,
  Gemm: gemm,
  MatMul: matMul,
  Relu: relu,
  Clip: clip,
  LeakyRelu: leakyRelu,
  PRelu: pRelu,
  Sigmoid: sigmoid,
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  Swish: swish,
  Tanh: tanh,
  Elu: elu,
  Celu: celu,
  Gelu: gelu,
  Erf: erf,
  Add: add,
  Sub: sub,
  Mul: mul,
  BatchNormalization: batchNormalization,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  Pad: pad,
  Flatten: flatten,
  Reshape: reshape,
  Concat: concat,
  Gather: gather,
  Identity: identity,
  Dropout: dropout,
  MixedActivation: mixedActivation,
  GatedActivation: gatedActivation,
};

/** Output shapes of a node, without the batch. Throws a Refusal if the input shapes do not fit. */
export function shapeOfNode<K extends OpType>(node: NodeOf<K>, inputs: readonly Shape[]): readonly Shape[] {
  return ops[node.op].shape(node.attributes, inputs);
}

export function costOfNode<K extends OpType>(node: NodeOf<K>, io: Io): NodeCost {
  return ops[node.op].cost(node.attributes, io);
}

export function writeNode<K extends OpType>(node: NodeOf<K>, writing: NodeWriting): readonly RawNode[] {
  return ops[node.op].write(node, writing);
}

/**
 * The names of a node's inputs that are running statistics: training updates them from batches, never by a
 * gradient.
 */
export function statisticsOfNode(node: Pick<Node, 'op' | 'inputs'>): string[] {
  return (ops[node.op].statistics ?? []).flatMap((i) => node.inputs[i] ?? []).filter((name) => name !== '');
}

/** Appends the node's forward pass in its training form; the returned function appends its backward pass. */
export function differentiateNode<K extends OpType>(node: NodeOf<K>, context: TrainingContext): Pullback {
  return ops[node.op].gradient(node, context);
}
