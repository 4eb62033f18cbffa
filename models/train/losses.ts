import type { GraphBuilder } from '../onnx/graph-builder.ts';

/**
 * A term of the loss per image: its values [N], and the gradient of each for the image's own logits [N, K].
 */
export type LossTerm = { readonly each: string; readonly dLogits: string };

/** The loss that training minimises: a scalar, and its gradient for the logits [N, K]. */
export type Loss = { readonly value: string; readonly dLogits: string };

export type Logits = { readonly name: string; readonly batch: number; readonly classes: number };

/** The cross-entropy with a target distribution [N, K]. */
export function crossEntropy(graph: GraphBuilder, logits: Logits, target: string): LossTerm {
  return divergence(graph, logits.name, target, 1);
}

/**
 * Turns `labels` (int64 [N]) into distributions over the classes [N, K]. Label smoothing s spreads a share s
 * of the target evenly over all classes (Szegedy et al. 2016, section 7).
 */
export function labelTarget(graph: GraphBuilder, logits: Logits, labels: string, smoothing: number): string {
  const off = smoothing / logits.classes;
  const range = graph.floats(Float32Array.of(off, 1 - smoothing + off));
  return graph.op('OneHot', [labels, graph.ints([logits.classes]), range]);
}

/**
 * share * a + (1 - share) * b for a scalar share, which is the target of mixed images (Zhang et al. 2018,
 * mixup, equation 2).
 */
export function mixTargets(graph: GraphBuilder, a: string, b: string, share: string): string {
  const rest = graph.op('Sub', [graph.scalar(1), share]);
  return graph.op('Add', [graph.op('Mul', [a, share]), graph.op('Mul', [b, rest])]);
}

/**
 * T^2 KL(softmax(teacher / T) || softmax(student / T)), the soft targets of Hinton et al. 2015. The factor
 * T^2 keeps the size of the gradient as T grows.
 */
export function distillation(
  graph: GraphBuilder,
  logits: Logits,
  teacher: string,
  temperature: number,
): LossTerm {
  const soften = (value: string) => graph.op('Div', [value, graph.scalar(temperature)]);
  const softTeacher = soften(teacher);
  const target = graph.op('Softmax', [softTeacher], { axis: { int: 1 } });
  const logTarget = graph.op('LogSoftmax', [softTeacher], { axis: { int: 1 } });
  const cross = divergence(graph, soften(logits.name), target, temperature);
  const negativeEntropy = sumOfClasses(graph, graph.op('Mul', [target, logTarget]));
  const perT2 = graph.op('Add', [
    graph.op('Div', [cross.each, graph.scalar(temperature)]), // `divergence` has multiplied it by T
    negativeEntropy,
  ]);
  return {
    each: graph.op('Mul', [perT2, graph.scalar(temperature ** 2)]),
    dLogits: cross.dLogits,
  };
}

/** The weighted sum of terms. */
export function sumOfTerms(
  graph: GraphBuilder,
  terms: readonly { readonly term: LossTerm; readonly weight: number }[],
): LossTerm {
  const scaled = (value: string, weight: number) =>
    weight === 1 ? value : graph.op('Mul', [value, graph.scalar(weight)]);
  return {
    each: graph.total(terms.map(({ term, weight }) => scaled(term.each, weight))),
    dLogits: graph.total(terms.map(({ term, weight }) => scaled(term.dLogits, weight))),
  };
}

/** The mean of a term over the batch. */
export function batchMean(graph: GraphBuilder, { each, dLogits }: LossTerm, batch: number): Loss {
  const share = graph.scalar(1 / batch);
  return {
    value: graph.op('Mul', [graph.sum(each, [0], false), share]),
    dLogits: graph.op('Mul', [dLogits, share]),
  };
}

/** The sum of a term over the batch, weighted by `weights` [N]. */
export function weightedSum(graph: GraphBuilder, { each, dLogits }: LossTerm, weights: string): Loss {
  return {
    value: graph.sum(graph.op('Mul', [each, weights]), [0], false),
    dLogits: graph.op('Mul', [dLogits, graph.reshape(weights, [-1, 1])]),
  };
}

/** The number of images whose largest logit is at the label: an int64 scalar. */
export function correctCount(graph: GraphBuilder, logits: string, labels: string): string {
  const best = graph.op('ArgMax', [logits], { axis: { int: 1 }, keepdims: { int: 0 } });
  const hits = graph.op('Cast', [graph.op('Equal', [best, labels])], { to: { int: 7 } });
  return graph.sum(hits, [0], false);
}

/** The term -scale * sum target log softmax(z), with the gradient scale * (softmax(z) - target). */
function divergence(graph: GraphBuilder, z: string, target: string, scale: number): LossTerm {
  const axis = { axis: { int: 1 } };
  const cross = sumOfClasses(graph, graph.op('Mul', [target, graph.op('LogSoftmax', [z], axis)]));
  const difference = graph.op('Sub', [graph.op('Softmax', [z], axis), target]);
  const scaled = (value: string, by: number) =>
    by === 1 ? value : graph.op('Mul', [value, graph.scalar(by)]);
  return { each: scaled(cross, -scale), dLogits: scaled(difference, scale) };
}

function sumOfClasses(graph: GraphBuilder, value: string): string {
  return graph.sum(value, [1], false);
}
