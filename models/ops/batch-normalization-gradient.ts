import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { sizeOf } from '../tensor.ts';
import { sumByChannel } from './gradient.ts';
import type { Gradient } from './gradient.ts';

/**
 * Normalises by the batch's own mean and variance, and reports both for the running statistics (the unbiased
 * variance, as in PyTorch). With c = x - mean and M values per channel:
 *
 *     slope = scale / sqrt(variance + epsilon)
 *     dbias = sum dy
 *     dscale = sum dy c / sqrt(variance + epsilon)
 *     dx = slope (dy - dbias / M - c sum dy c / (variance + epsilon) / M)
 *
 * Every "factor and summand per channel" here is an ONNX BatchNormalization with given statistics: it passes
 * over memory once, where Mul and Add pass over it twice.
 */
export const batchNormalizationGradient: Gradient<'BatchNormalization'> = (node, context) => {
  const { graph, shapeOf } = context;
  const [x, scale, bias, runningMean, runningVariance] = node.inputs as [
    string,
    string,
    string,
    string,
    string,
  ];
  const shape = shapeOf(x);
  const count = sizeOf(shape) / shape[1]!;
  const share = graph.scalar(1 / count);
  const { epsilon, momentum } = node.attributes;
  const affine = affineOf(graph, shape[1]!);
  const total = (value: string) => sumByChannel(graph, value, shape);
  const minus = (value: string) => graph.op('Neg', [value]);
  const times = (a: string, b: string) => graph.op('Mul', [a, b]);

  const mean = times(total(x), share);
  const centered = affine(x, undefined, minus(mean));
  const variance = times(total(times(centered, centered)), share);
  const deviation = graph.op('Sqrt', [graph.op('Add', [variance, graph.scalar(epsilon)])]);
  const slope = graph.op('Div', [scale, deviation]);
  graph.alias(affine(centered, slope, bias), node.outputs[0]!);

  context.statistic(runningMean, { value: mean, momentum, scale: 1 });
  context.statistic(runningVariance, { value: variance, momentum, scale: count / Math.max(1, count - 1) });

  return (dy, wanted) => {
    const sumDy = total(dy);
    const sumProduct = total(times(dy, centered));
    const dScale = graph.op('Div', [sumProduct, deviation]);
    const ofInput = (): string => {
      const tilt = times(graph.op('Div', [dScale, deviation]), share);
      const summand = affine(centered, minus(tilt), minus(times(sumDy, share)));
      return affine(graph.op('Add', [dy, summand]), slope, undefined);
    };
    return [wanted[0] ? ofInput() : undefined, dScale, sumDy];
  };
};

/** Returns a function that computes value * factor + summand per channel (defaults: factor 1, summand 0). */
function affineOf(graph: GraphBuilder, channels: number) {
  const zeros = graph.floats(new Float32Array(channels));
  const ones = graph.floats(new Float32Array(channels).fill(1));
  return (value: string, factor = ones, summand = zeros): string =>
    graph.op('BatchNormalization', [value, factor, summand, zeros, ones], { epsilon: { float: 0 } });
}
