import { ModelError, UsageError } from '../../src/shared/errors.ts';
import type { Model } from '../graph.ts';
import { GraphBuilder } from '../onnx/graph-builder.ts';
import { encodeRawModel } from '../onnx/raw.ts';
import type { RawGraph } from '../onnx/raw.ts';
import { inferShapes } from '../analysis/shapes.ts';
import type { StatisticUpdate } from '../ops/gradient.ts';
import { statisticsOfNode } from '../ops/index.ts';
import { sizeOf } from '../tensor.ts';
import { differentiate } from './autodiff.ts';
import {
  batchMean,
  correctCount,
  crossEntropy,
  distillation,
  labelTarget,
  mixTargets,
  sumOfTerms,
  weightedSum,
} from './losses.ts';
import type { Logits, LossTerm } from './losses.ts';
import type { FeatureResult, FeatureTerm } from './feature-terms.ts';
import type { Optimizer } from './optimizers.ts';
import {
  constantPerWeight,
  parameterLayout,
  packInGraph,
  partsOf,
  perWeight,
  unpackInGraph,
} from './parameters.ts';
import type { ParameterLayout } from './parameters.ts';
import { addGradients, penaltiesOf } from './penalty.ts';
import type { Penalty } from './penalty.ts';

/** The smallest and the largest value of a weight's numbers: one for all, or one for each. */
export type Bounds = readonly [least: number | Float32Array, most: number | Float32Array];

export type Distillation = { readonly temperature: number; readonly weight: number };

export type StepOptions = {
  readonly batch: number;
  readonly optimizer: Optimizer;
  /** Which weights are trained (default: all but the running statistics). */
  readonly trainable?: (weight: string) => boolean;
  readonly labelSmoothing?: number;
  /**
   * Whether each image is a mixture of two. The second image's label and the first one's share become inputs
   * of the step.
   */
  readonly mixup?: boolean;
  /** Adds weight * T^2 KL, the divergence from the teacher's logits, which become an input of the step. */
  readonly distill?: Distillation;
  /**
   * Whether the loss is a weighted sum over the images instead of their mean. The weights become an input of
   * the step.
   */
  readonly sampleWeights?: boolean;
  /** The factor of the learning rate for a weight (default: 1). */
  readonly rateOf?: (weight: string) => number;
  /** The smallest and the largest value of a weight, to which each step cuts it (default: no bounds). */
  readonly boundsOf?: (weight: string) => Bounds | undefined;
  /** Names of the numbers that each step is given for its penalties. */
  readonly scalars?: readonly string[];
  /** Terms of the loss that depend only on the weights. */
  readonly penalties?: readonly Penalty[];
  /** Terms of the loss that depend on values inside the network. */
  readonly features?: readonly FeatureTerm[];
  /** The most numbers in a part of the parameters (default: that of `partsOf`). */
  readonly partSize?: number;
};

/** One step of training as an ONNX model, with the place of each weight in its vectors. */
export type TrainingStep = {
  readonly graph: RawGraph;
  /** The bytes of the graph as an ONNX file. */
  readonly bytes: Uint8Array;
  readonly parameters: ParameterLayout;
  readonly statistics: ParameterLayout;
  readonly vectors: Vectors;
  readonly network: NetworkValues;
};

/**
 * The vectors that pass from step to step, by name: the sizes of the parts in which the graph takes and
 * returns each.
 */
export type Vectors = Readonly<Record<string, readonly number[]>>;

/**
 * The names of the values that the network passes to the rest of the step. An engine that computes them by
 * itself can evaluate the rest with them.
 */
export type NetworkValues = {
  readonly logits: string;
  /** The loss's gradient by weight, without penalties. */
  readonly gradients: ReadonlyMap<string, string>;
  /** The batch's contribution to each running statistic. */
  readonly statistics: ReadonlyMap<string, string>;
};

/**
 * Builds one step of training. Its inputs:
 * - images [N, C, H, W], labels (int64 [N]) and learningRate (a scalar)
 * - with mixup: partners (int64 [N]) and share (a scalar)
 * - with distillation: teacher [N, K]
 * - with sample weights: sampleWeights [N]
 * - for each scalar: `scalar.NAME`
 * - to match the teacher's maps: teacherMaps [N, places]
 * - the parts of the vectors parameters, statistics, state0, ...: `parameters.0` and so on
 *
 * Its outputs:
 * - loss: the batch's mean or weighted sum, without penalties
 * - losses [N] and correct (an int64 scalar)
 * - for each penalty and each term of values inside the network: `penalty.NAME`
 * - the parts of the vectors after the step, with the prefix `next.`
 *
 * Throws UsageError if no weight is trainable, and ModelError if the network's output is not one vector of
 * logits.
 */
export function buildStep(model: Model, options: StepOptions): TrainingStep {
  const { batch } = options;
  const graph = new GraphBuilder();
  const statistics = parameterLayout(model, statisticsOf(model));
  const parameters = parameterLayout(model, trainableOf(model, options, new Set(statisticsOf(model))));
  const parts = partsOf(parameters, options.partSize);
  declareInputs(graph, model, batch, parts, statistics);
  const wanted = new Set(parameters.entries.map(({ name }) => name));
  const network = differentiate(graph, model, batch, wanted);
  const logits = logitsOf(model, batch);
  const term = termOf(graph, logits, options);
  const loss =
    options.sampleWeights === true
      ? weightedSum(graph, term, graph.input('sampleWeights', 'float32', [batch]))
      : batchMean(graph, term, batch);
  const penalties = penaltiesOf(graph, options, wanted);
  const features = featuresOf(graph, model, options);
  const ofLoss = network.backward(loss.dLogits, joinedGradients(graph, features));
  const gradients = addGradients(graph, ofLoss, penalties);
  const vectors = updateParameters(graph, parts, gradients, options);
  graph.output(loss.value, 'loss', 'float32', []);
  graph.output(term.each, 'losses', 'float32', [batch]);
  graph.output(correctCount(graph, logits.name, 'labels'), 'correct', 'int64', []);
  for (const { name, value } of [...penalties, ...features])
    graph.output(value, `penalty.${name}`, 'float32', []);
  const updated = updateStatistics(graph, statistics, network.statistics);
  if (updated !== undefined) graph.output(updated, 'next.statistics.0', 'float32', [statistics.size]);
  const raw = graph.build(`${model.graph.name} training step`);
  const contributions = [...network.statistics].map(([name, { value }]) => [name, value] as const);
  return {
    graph: raw,
    bytes: encodeRawModel(raw),
    parameters,
    statistics,
    vectors: { ...vectors, ...(updated !== undefined && { statistics: [statistics.size] }) },
    network: { logits: logits.name, gradients: ofLoss, statistics: new Map(contributions) },
  };
}

function declareInputs(
  graph: GraphBuilder,
  model: Model,
  batch: number,
  parameters: readonly ParameterLayout[],
  statistics: ParameterLayout,
): void {
  const [input] = model.graph.inputs;
  graph.input('images', 'float32', [batch, ...input!.shape]);
  graph.alias('images', input!.name);
  graph.input('labels', 'int64', [batch]);
  graph.input('learningRate', 'float32', []);
  parameters.forEach((part, k) =>
    unpackInGraph(graph, part, graph.input(`parameters.${k}`, 'float32', [part.size])),
  );
  if (statistics.size > 0)
    unpackInGraph(graph, statistics, graph.input('statistics.0', 'float32', [statistics.size]));
  const moving = new Set(
    [...parameters, statistics].flatMap(({ entries }) => entries.map(({ name }) => name)),
  );
  for (const [name, { shape, data }] of model.weights) {
    if (!moving.has(name)) graph.initializer({ name, dtype: 'float32', shape, data });
  }
}

/** Appends the optimiser's step for each part of the parameters. */
function updateParameters(
  graph: GraphBuilder,
  parts: readonly ParameterLayout[],
  gradients: ReadonlyMap<string, string>,
  options: StepOptions,
): Vectors {
  const vectors: Record<string, number[]> = {};
  const stateSizes = parts.map(({ size }) => options.optimizer.init(size).map(({ length }) => length));
  parts.forEach((part, k) => {
    const parameters = `parameters.${k}`;
    const gradient = packInGraph(graph, part, gradients);
    const state = stateSizes[k]!.map((size, i) => graph.input(`state${i}.${k}`, 'float32', [size]));
    const decays = constantPerWeight(graph, part, ({ shape }) => (shape.length > 1 ? 1 : 0));
    const learningRate = rateIn(graph, part, options);
    const next = options.optimizer.update(graph, { parameters, gradient, state, learningRate, decays });
    const give = (value: string, name: string, size: number): void => {
      graph.output(value, `next.${name}.${k}`, 'float32', [size]);
      (vectors[name] ??= []).push(size);
    };
    give(boundedIn(graph, part, next.parameters, options), 'parameters', part.size);
    next.state.forEach((value, i) => give(value, `state${i}`, stateSizes[k]![i]!));
  });
  return vectors;
}

function rateIn(graph: GraphBuilder, part: ParameterLayout, { rateOf }: StepOptions): string {
  if (rateOf === undefined) return 'learningRate';
  const factors = constantPerWeight(graph, part, ({ name }) => rateOf(name));
  return graph.op('Mul', ['learningRate', factors]);
}

/** Appends the terms of values inside the network. */
function featuresOf(graph: GraphBuilder, model: Model, { features = [], batch }: StepOptions) {
  if (features.length === 0) return [];
  const shapes = inferShapes(model);
  const shapeOf = (value: string) => shapes.get(value)!;
  return features.map(({ name, build }) => ({ name, ...build(graph, { batch, shapeOf }) }));
}

function joinedGradients(graph: GraphBuilder, features: readonly FeatureResult[]): Map<string, string> {
  const values = new Set(features.flatMap(({ gradients }) => [...gradients.keys()]));
  const of = (value: string) => features.flatMap(({ gradients }) => gradients.get(value) ?? []);
  return new Map([...values].map((value) => [value, graph.total(of(value))]));
}

/** Cuts the parameters to their bounds. */
function boundedIn(
  graph: GraphBuilder,
  part: ParameterLayout,
  parameters: string,
  { boundsOf }: StepOptions,
): string {
  if (boundsOf === undefined || part.entries.every(({ name }) => boundsOf(name) === undefined))
    return parameters;
  const limit = (at: 0 | 1, none: number) => {
    const limits = new Float32Array(part.size).fill(none);
    for (const { name, offset, shape } of part.entries) {
      const bound = boundsOf(name)?.[at] ?? none;
      if (typeof bound === 'number') limits.fill(bound, offset, offset + sizeOf(shape));
      else limits.set(bound, offset);
    }
    return graph.floats(limits);
  };
  const above = graph.op('Max', [parameters, limit(0, -Infinity)]);
  return graph.op('Min', [above, limit(1, Infinity)]);
}

/**
 * The weights that training updates without a gradient, such as the means and variances of batch
 * normalisation.
 */
function statisticsOf(model: Model): string[] {
  return model.graph.nodes.flatMap(statisticsOfNode);
}

function trainableOf(model: Model, options: StepOptions, statistics: ReadonlySet<string>): string[] {
  const { trainable = () => true } = options;
  const names = [...model.weights.keys()].filter((name) => !statistics.has(name) && trainable(name));
  if (names.length === 0) throw new UsageError(`${model.graph.name}: no weight is trainable`);
  return names;
}

/** Cross-entropy, plus distillation if there is a teacher. */
function termOf(graph: GraphBuilder, logits: Logits, options: StepOptions): LossTerm {
  const hard = crossEntropy(graph, logits, targetOf(graph, logits, options));
  const { distill } = options;
  if (distill === undefined) return hard;
  const teacher = graph.input('teacher', 'float32', [logits.batch, logits.classes]);
  const soft = distillation(graph, logits, teacher, distill.temperature);
  return sumOfTerms(graph, [
    { term: hard, weight: 1 },
    { term: soft, weight: distill.weight },
  ]);
}

function targetOf(
  graph: GraphBuilder,
  logits: Logits,
  { batch, labelSmoothing = 0, mixup = false }: StepOptions,
): string {
  const target = labelTarget(graph, logits, 'labels', labelSmoothing);
  if (!mixup) return target;
  const partners = graph.input('partners', 'int64', [batch]);
  const share = graph.input('share', 'float32', []);
  return mixTargets(graph, target, labelTarget(graph, logits, partners, labelSmoothing), share);
}

function logitsOf(model: Model, batch: number): Logits {
  const [output, ...others] = model.graph.outputs;
  if (output?.shape.length !== 1 || others.length > 0)
    throw new ModelError(`${model.graph.name}: training needs one output, a vector of logits`);
  return { name: output.name, batch, classes: sizeOf(output.shape) };
}

/**
 * The statistics after the step: momentum * old + (1 - momentum) * scale * the batch's value, for all at
 * once.
 */
function updateStatistics(
  graph: GraphBuilder,
  layout: ParameterLayout,
  updates: ReadonlyMap<string, StatisticUpdate>,
): string | undefined {
  if (layout.size === 0) return undefined;
  const batch = packInGraph(graph, layout, new Map([...updates].map(([name, { value }]) => [name, value])));
  const of = (name: string) => updates.get(name)!;
  const kept = perWeight(layout, ({ name }) => of(name).momentum);
  const taken = perWeight(layout, ({ name }) => (1 - of(name).momentum) * of(name).scale);
  return graph.op('Add', [
    graph.op('Mul', ['statistics.0', graph.floats(kept)]),
    graph.op('Mul', [batch, graph.floats(taken)]),
  ]);
}
