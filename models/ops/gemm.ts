import { reduceTo } from './gradient.ts';
import { matrixGradient } from './mat-mul.ts';
import { sizeOf } from '../tensor.ts';
import { refuse } from '../refusal.ts';
import type { OpDefinition } from './definition.ts';

/**
 * y = alpha x B' + beta c, where B' is B, or its transpose if transB is set. Inputs: x [K]; B [K, M], or [M,
 * K] with transB; c [M], [1, M], [1] or absent.
 */
export const gemm: OpDefinition<'Gemm'> = {
  does: 'Matrix product with a weight and an optional bias',
  refuses: 'transA, which would transpose the batch; computed weights',
  inputs: ['value', 'weight', 'optional-weight'],
  parse(attributes) {
    const parsed = {
      alpha: attributes.float('alpha', 1),
      beta: attributes.float('beta', 1),
      transA: attributes.int('transA', 0) !== 0,
      transB: attributes.int('transB', 0) !== 0,
    };
    if (parsed.transA) refuse('transA would transpose the batch');
    return parsed;
  },
  shape(attributes, [x = [], weight = [], bias = []]) {
    if (weight.length !== 2) refuse(`weight [${weight.join(', ')}] is not a matrix`);
    const [features, maps] = attributes.transB ? [weight[1], weight[0]!] : [weight[0], weight[1]!];
    if (x.length !== 1 || x[0] !== features)
      refuse(`input N x [${x.join(', ')}] does not fit the weight's ${features} features`);
    const broadcast = bias.at(-1);
    if (bias.length > 0 && ((broadcast !== maps && broadcast !== 1) || sizeOf(bias) !== broadcast))
      refuse(`bias [${bias.join(', ')}] does not fit ${maps} outputs`);
    return [[maps]];
  },
  gradient(node, context) {
    const { graph, forward, shapeOf } = context;
    const { alpha, beta, transB } = node.attributes;
    const [x, weight, bias = ''] = node.inputs as [string, string, string?];
    forward(node);
    return (dy, wanted) => {
      const ofBias = (): string => {
        const summed = reduceTo(graph, dy, shapeOf(node.outputs[0]!), shapeOf(bias));
        return beta === 1 ? summed : graph.op('Mul', [summed, graph.scalar(beta)]);
      };
      return [
        ...matrixGradient(context, { x, weight, alpha, transB }, dy, wanted),
        wanted[2] ? ofBias() : undefined,
      ];
    };
  },
  cost(_attributes, { inputs: [, weight = [], bias = []] }) {
    const macs = sizeOf(weight);
    return { macs, relus: 0, params: macs + (bias.length > 0 ? sizeOf(bias) : 0) };
  },
  write(node) {
    const { alpha, beta, transB } = node.attributes;
    const attributes = { alpha: { float: alpha }, beta: { float: beta }, transB: { int: transB ? 1 : 0 } };
    return [{ op: 'Gemm', name: node.name, inputs: node.inputs, outputs: node.outputs, attributes }];
  },
};
