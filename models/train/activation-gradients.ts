import { InferenceSession, Tensor } from '../runtime/onnxruntime.ts';
import { sessionOptions } from '../runtime/device.ts';
import type { SessionSetting } from '../runtime/device.ts';
import { inferShapes } from '../analysis/shapes.ts';
import type { Model, Node } from '../graph.ts';
import { GraphBuilder } from '../onnx/graph-builder.ts';
import { preprocess } from '../preprocessing.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';
import { differentiate } from './autodiff.ts';
import { crossEntropy, distillation, labelTarget, sumOfTerms } from './losses.ts';
import type { Logits } from './losses.ts';
import type { Distillation } from './step.ts';

/** Images [n, C, H, W] of pixels in [0, 1] with their labels and the teacher's logits [n, classes]. */
export type TaughtImages = {
  readonly images: Float32Array;
  readonly labels: ArrayLike<number>;
  readonly teacher: Float32Array;
};

/** An activation of a batch: its input, and the gradient of each image's own loss for its output. */
export type ActivationInGraph = {
  readonly node: Node;
  /** [N, ...shape] */
  readonly x: string;
  /** [N, ...shape] */
  readonly dy: string;
  /** The shape for one image. */
  readonly shape: Shape;
};

/**
 * Appends what is wanted of an activation and returns the names of its terms, each a sum over the batch's
 * images of any shape.
 */
export type Terms<T extends string> = (
  graph: GraphBuilder,
  activation: ActivationInGraph,
) => { readonly [K in T]: string };

export type GradientTermsOptions<T extends string> = SessionSetting & {
  /** The activations. */
  readonly layers: readonly string[];
  readonly terms: Terms<T>;
  readonly distill: Distillation;
  /** Images per call of onnxruntime (default: 128). Images that do not fill a whole batch are left out. */
  readonly batch?: number;
};

/**
 * The means over images of terms of activations and of the loss's gradients for them, by layer. The loss is
 * that of fine-tuning, the network is in its training form, in which batches give the statistics. Throws
 * RangeError for fewer images than a batch.
 */
export async function gradientTerms<T extends string>(
  model: Model,
  data: TaughtImages,
  { layers, terms, distill, batch = Math.min(128, data.labels.length), ...setting }: GradientTermsOptions<T>,
): Promise<Map<string, { readonly [K in T]: Float64Array }>> {
  const { bytes, outputs } = termsGraph(model, { layers, terms, distill, batch });
  const batches = Math.floor(data.labels.length / batch);
  if (batches === 0) throw new RangeError(`expected at least ${batch} images, got ${data.labels.length}`);
  const session = await InferenceSession.create(bytes, sessionOptions(setting));
  const sums = new Map<string, Float64Array>();
  try {
    for (let i = 0; i < batches; i++) {
      const results = await session.run(feedsOf(model, data, i * batch, batch));
      for (const [name, { data: values }] of Object.entries(results))
        addTo(sums, name, values as Float32Array);
    }
  } finally {
    await session.release();
  }
  const meanOf = (name: string) => sums.get(name)!.map((sum) => sum / (batches * batch));
  return new Map(
    [...outputs].map(([layer, names]) => {
      const entries = Object.entries<string>(names).map(([term, name]) => [term, meanOf(name)] as const);
      return [layer, Object.fromEntries(entries) as { [K in T]: Float64Array }];
    }),
  );
}

function addTo(sums: Map<string, Float64Array>, name: string, values: Float32Array): void {
  const sum = sums.get(name) ?? new Float64Array(values.length);
  values.forEach((value, i) => (sum[i]! += value));
  sums.set(name, sum);
}

function feedsOf(
  { graph: { inputs, preprocessing } }: Model,
  { images, labels, teacher }: TaughtImages,
  start: number,
  batch: number,
): Record<string, Tensor> {
  const { shape } = inputs[0]!;
  const size = sizeOf(shape);
  const pixels = images.subarray(start * size, (start + batch) * size);
  const classes = teacher.length / labels.length;
  return {
    images: new Tensor('float32', preprocess(pixels, shape, preprocessing), [batch, ...shape]),
    labels: new Tensor(
      'int64',
      BigInt64Array.from({ length: batch }, (_, i) => BigInt(labels[start + i]!)),
      [batch],
    ),
    teacher: new Tensor('float32', teacher.slice(start * classes, (start + batch) * classes), [
      batch,
      classes,
    ]),
  };
}

function termsGraph<T extends string>(
  model: Model,
  {
    layers,
    terms,
    distill,
    batch,
  }: Required<Pick<GradientTermsOptions<T>, 'layers' | 'terms' | 'distill' | 'batch'>>,
) {
  const graph = new GraphBuilder();
  const [input] = model.graph.inputs;
  const [output] = model.graph.outputs;
  const shapes = inferShapes(model);
  graph.input('images', 'float32', [batch, ...input!.shape]);
  graph.alias('images', input!.name);
  graph.input('labels', 'int64', [batch]);
  for (const [name, { shape, data }] of model.weights)
    graph.initializer({ name, dtype: 'float32', shape, data });
  const nodes = model.graph.nodes.filter(({ name }) => layers.includes(name));
  const network = differentiate(graph, model, batch, new Set(nodes.map(({ outputs: [y] }) => y!)));
  const logits = { name: output!.name, batch, classes: sizeOf(output!.shape) };
  const gradients = network.backward(lossOf(graph, logits, distill));
  const outputs = nodes.map((node) => {
    const [x, y] = [node.inputs[0]!, node.outputs[0]!];
    const shape = shapes.get(y)!;
    const values = terms(graph, { node, x, dy: gradients.get(y)!, shape });
    const named = Object.entries<string>(values).map(([term, value]) => {
      const name = `${node.name}/${term}`;
      graph.output(graph.reshape(value, [-1]), name, 'float32', [name]);
      return [term, name] as const;
    });
    return [node.name, Object.fromEntries(named)] as const;
  });
  return { bytes: graph.encode(`${model.graph.name} gradient terms`), outputs: new Map(outputs) };
}

/** The gradient of each image's own loss for its logits. */
function lossOf(graph: GraphBuilder, logits: Logits, { temperature, weight }: Distillation): string {
  const teacher = graph.input('teacher', 'float32', [logits.batch, logits.classes]);
  const hard = crossEntropy(graph, logits, labelTarget(graph, logits, 'labels', 0));
  const soft = distillation(graph, logits, teacher, temperature);
  return sumOfTerms(graph, [
    { term: hard, weight: 1 },
    { term: soft, weight },
  ]).dLogits;
}
