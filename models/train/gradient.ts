import { InferenceSession, Tensor } from '../runtime/onnxruntime.ts';
import { ModelError } from '../../src/shared/errors.ts';
import { sessionOptions } from '../runtime/device.ts';
import type { SessionSetting } from '../runtime/device.ts';
import type { Model } from '../graph.ts';
import { GraphBuilder } from '../onnx/graph-builder.ts';
import { preprocess } from '../preprocessing.ts';
import { sizeOf } from '../tensor.ts';
import { differentiate } from './autodiff.ts';
import { crossEntropy, labelTarget, weightedSum } from './losses.ts';
import { parameterLayout, pack, unpackInGraph, packInGraph } from './parameters.ts';
import type { ParameterLayout } from './parameters.ts';

/** Labelled images [n, C, H, W]. */
export type Labelled = { readonly images: Float32Array; readonly labels: ArrayLike<number> };

export type GradientOptions = SessionSetting & {
  /** Images per call of onnxruntime. */
  readonly batch: number;
};

/** The gradients of a network's mean cross-entropy at any weights, with the network in its inference form. */
export class LossGradient {
  readonly #session: InferenceSession;
  readonly #model: Model;
  readonly #batch: number;
  /** The place of each weight in the vectors. */
  readonly layout: ParameterLayout;

  private constructor(session: InferenceSession, model: Model, layout: ParameterLayout, batch: number) {
    this.#session = session;
    this.#model = model;
    this.layout = layout;
    this.#batch = batch;
  }

  /**
   * Prepares the gradient. Throws ModelError if the network still has a batch normalisation; run
   * `forInference` first.
   */
  static async create(model: Model, { batch, ...setting }: GradientOptions): Promise<LossGradient> {
    const left = model.graph.nodes.find(({ op }) => op === 'BatchNormalization');
    if (left !== undefined)
      throw new ModelError(
        `${left.name}: the batch normalisation is not folded into a convolution, ` +
          'so its gradient would depend on the batch',
      );
    const layout = parameterLayout(model, [...model.weights.keys()]);
    const session = await InferenceSession.create(
      gradientGraph(model, layout, batch),
      sessionOptions(setting),
    );
    return new LossGradient(session, model, layout, batch);
  }

  /** The network's own weights as a vector. */
  parameters(): Float32Array {
    return pack(this.layout, this.#model.weights);
  }

  /**
   * The gradient of the mean loss over all images, of pixels in [0, 1], at the given weights, in the same
   * layout.
   */
  async at(parameters: Float32Array, { images, labels }: Labelled): Promise<Float64Array> {
    const n = labels.length;
    const batch = this.#batch;
    const { inputs, preprocessing } = this.#model.graph;
    const { shape } = inputs[0]!;
    const size = sizeOf(shape);
    const sum = new Float64Array(parameters.length);
    for (let start = 0; start < n; start += batch) {
      const count = Math.min(batch, n - start);
      const padded = new Float32Array(batch * size);
      const pixels = images.subarray(start * size, (start + count) * size);
      padded.set(preprocess(pixels, shape, preprocessing));
      const result = await this.#session.run({
        images: new Tensor('float32', padded, [batch, ...shape]),
        labels: new Tensor('int64', labelsOf(labels, start, batch), [batch]),
        shares: new Tensor('float32', new Float32Array(batch).fill(1 / n, 0, count), [batch]),
        parameters: new Tensor('float32', parameters, [parameters.length]),
      });
      const part = result['gradient']!.data as Float32Array;
      for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!;
    }
    return sum;
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** `count` labels from `start` on; after the last label, zeros. */
function labelsOf(labels: ArrayLike<number>, start: number, count: number): BigInt64Array {
  return BigInt64Array.from({ length: count }, (_, i) => BigInt(labels[start + i] ?? 0));
}

/**
 * The graph of the gradient. Inputs: images, labels, each image's share of the loss [N] (0 for padding), and
 * parameters. Output: gradient.
 */
function gradientGraph(model: Model, layout: ParameterLayout, batch: number): Uint8Array {
  const graph = new GraphBuilder();
  const [input] = model.graph.inputs;
  const [output] = model.graph.outputs;
  graph.input('images', 'float32', [batch, ...input!.shape]);
  graph.alias('images', input!.name);
  graph.input('labels', 'int64', [batch]);
  graph.input('shares', 'float32', [batch]);
  graph.input('parameters', 'float32', [layout.size]);
  unpackInGraph(graph, layout, 'parameters');
  const wanted = new Set(layout.entries.map(({ name }) => name));
  const network = differentiate(graph, model, batch, wanted);
  const logits = { name: output!.name, batch, classes: sizeOf(output!.shape) };
  const term = crossEntropy(graph, logits, labelTarget(graph, logits, 'labels', 0));
  const { dLogits } = weightedSum(graph, term, 'shares');
  const gradient = packInGraph(graph, layout, network.backward(dLogits));
  graph.output(gradient, 'gradient', 'float32', [layout.size]);
  return graph.encode(`${model.graph.name} gradient`);
}
