import type { Model, NodeOf, PolynomialForm } from '../../../models/graph.ts';
import type { GraphBuilder } from '../../../models/onnx/graph-builder.ts';
import { mask } from '../../../models/ops/activations/mask.ts';
import { gradientTerms } from '../../../models/train/activation-gradients.ts';
import type { ActivationInGraph, TaughtImages } from '../../../models/train/activation-gradients.ts';
import type { SessionSetting } from '../../../models/runtime/device.ts';
import { publishedDistillation } from '../distillation.ts';
import { gatedNodes } from '../gates/gates.ts';

/** Means over images for each element of a layer, and one number for the layer. */
export type LayerTerms = {
  /** |dL/dy d|, where d is what replacing the ReLU adds to the output y. */
  readonly first: Float64Array;
  /** (dL/dy)^2 */
  readonly squaredGradient: Float64Array;
  /** d^2 */
  readonly squaredChange: Float64Array;
  /** The share of negative inputs. */
  readonly negative: Float64Array;
  /** The norm of an image's dL/dy over the layer. */
  readonly norm: Float64Array;
};

/**
 * The score of each element of the gated layers: how much the loss would change if its ReLU were replaced.
 * After ReLUPruner (Li et al., AAAI 2026):
 *
 *     score = layer weight * (E|g d| + 1/2 E[g^2] E[d^2]) * P(x < 0)
 *
 * with the gradient g of the element's output and the change d that the replacement makes.
 */
export async function taylorScores(
  gated: Model,
  data: TaughtImages,
  setting: SessionSetting = {},
): Promise<Map<string, Float64Array>> {
  const layers = gatedNodes(gated).map(({ name }) => name);
  const terms = await gradientTerms(gated, data, {
    ...setting,
    layers,
    terms: layerTerms,
    distill: publishedDistillation,
  });
  const weights = layerWeights([...terms.values()]);
  return new Map([...terms].map(([layer, own], l) => [layer, scoresOf(own, weights[l]!)]));
}

export function scoresOf({ first, squaredGradient, squaredChange, negative }: LayerTerms, weight: number) {
  return first.map(
    (value, e) => weight * (value + 0.5 * squaredGradient[e]! * squaredChange[e]!) * negative[e]!,
  );
}

/** The weight of a layer rises by this share from the first to the last. */
const depthBias = 0.2;

/**
 * The weights of the layers, which ReLUPruner's released code computes so: the mean norm of the gradient
 * times its root mean square, more for later layers, then moved to 0.1 for the smallest and 1.1 for the
 * largest.
 */
export function layerWeights(layers: readonly LayerTerms[]): number[] {
  const raw = layers.map(({ norm, squaredGradient }, l) => {
    const meanSquare = squaredGradient.reduce((sum, value) => sum + value, 0) / squaredGradient.length;
    return norm[0]! * Math.sqrt(meanSquare) * (1 + (depthBias * l) / Math.max(1, layers.length - 1));
  });
  const [low, high] = [Math.min(...raw), Math.max(...raw)];
  return raw.map((value) => (high === low ? 1 : 0.1 + (value - low) / (high - low)));
}

/** Appends the terms of a gated layer. */
export function layerTerms(graph: GraphBuilder, activation: ActivationInGraph) {
  const { x, dy, shape } = activation;
  const change = changeOf(graph, activation);
  const over = (value: string) => graph.sum(value, [0], false);
  const square = (value: string) => graph.op('Mul', [value, value]);
  const axes = [...shape.keys()].map((axis) => axis + 1);
  const norms = graph.op('Sqrt', [graph.sum(square(dy), axes, false)]);
  return {
    first: over(graph.op('Abs', [graph.op('Mul', [dy, change])])),
    squaredGradient: over(square(dy)),
    squaredChange: over(square(change)),
    negative: over(mask(graph, 'Less', x, 0)),
    norm: over(norms),
  };
}

/** What replacing the ReLU adds to its output: p(x) - relu(x). */
export function changeOf(graph: GraphBuilder, { node, x, shape }: ActivationInGraph): string {
  const { attributes, inputs } = node as NodeOf<'GatedActivation'>;
  const aligned = shape.map((size, i) => (i === 0 ? size : 1));
  const at = (i: number) => graph.reshape(inputs[i]!, aligned);
  const value = replacementIn[attributes.replacement](graph, x, [at(2), at(3), at(4)]);
  const relu = graph.op('Relu', [x]);
  return value === undefined ? graph.op('Neg', [relu]) : graph.op('Sub', [value, relu]);
}

type Coefficients = readonly [c2: string, c1: string, c0: string];

/** p(x); undefined if it is 0. */
const replacementIn: {
  readonly [K in PolynomialForm]: (
    graph: GraphBuilder,
    x: string,
    coefficients: Coefficients,
  ) => string | undefined;
} = {
  none: () => undefined,
  identity: (_graph, x) => x,
  affine: (graph, x, [, c1, c0]) => graph.op('Add', [graph.op('Mul', [x, c1]), c0]),
  quadratic(graph, x, [c2, c1, c0]) {
    const slope = graph.op('Add', [graph.op('Mul', [x, c2]), c1]);
    return graph.op('Add', [graph.op('Mul', [slope, x]), c0]);
  },
};
