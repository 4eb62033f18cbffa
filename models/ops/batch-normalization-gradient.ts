import type { Gradient } from './gradient.ts';

/**
 * Normalises by the batch's own mean and variance and reports both for the running statistics (the unbiased variance, as
 * PyTorch does). With xn = (x - mean) / sqrt(variance + epsilon) over M values a channel:
 *
 *     dbias = sum dy      dscale = sum dy xn      dx = scale / sqrt(variance + epsilon) (dy - dbias / M - xn dscale / M)
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
  const channels = shape[1]!;
  const axes = shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  const count = axes.reduce((product, axis) => product * shape[axis]!, 1);
  const perChannel = [1, channels, ...shape.slice(2).map(() => 1)];
  const { epsilon, momentum } = node.attributes;

  const meanOf = (value: string) => graph.op('ReduceMean', [value], { axes: { ints: axes } });
  const mean = meanOf(x);
  const centered = graph.op('Sub', [x, mean]);
  const variance = meanOf(graph.op('Mul', [centered, centered]));
  const deviation = graph.op('Sqrt', [graph.op('Add', [variance, graph.scalar(epsilon)])]);
  const slope = graph.op('Div', [graph.reshape(scale, perChannel), deviation]);
  const scaled = graph.op('Mul', [centered, slope]);
  const y = graph.op('Add', [scaled, graph.reshape(bias, perChannel)]);
  graph.alias(y, node.outputs[0]!);

  const flat = (value: string) => graph.reshape(value, [channels]);
  context.statistic(runningMean, { value: flat(mean), momentum, scale: 1 });
  context.statistic(runningVariance, {
    value: flat(variance),
    momentum,
    scale: count / Math.max(1, count - 1),
  });

  return (dy, wanted) => {
    const sumDy = graph.sum(dy, axes, true);
    const sumProduct = graph.sum(graph.op('Mul', [dy, centered]), axes, true); // dscale * deviation
    const ofInput = (): string => {
      const variancePlus = graph.op('Mul', [deviation, deviation]);
      const share = graph.scalar(1 / count);
      const tilt = graph.op('Mul', [graph.op('Div', [sumProduct, variancePlus]), share]);
      const shift = graph.op('Mul', [sumDy, share]);
      const inner = graph.op('Sub', [graph.op('Sub', [dy, shift]), graph.op('Mul', [centered, tilt])]);
      return graph.op('Mul', [inner, slope]);
    };
    return [
      wanted[0] ? ofInput() : undefined,
      wanted[1] ? flat(graph.op('Div', [sumProduct, deviation])) : undefined,
      wanted[2] ? flat(sumDy) : undefined,
    ];
  };
};
