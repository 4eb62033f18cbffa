import { InferenceSession, Tensor } from 'onnxruntime-node';
import { ModelError } from '../../src/shared/errors.ts';
import { sessionOptions } from '../runtime/device.ts';
import type { SessionSetting } from '../runtime/device.ts';
import type { Model } from '../graph.ts';
import { GraphBuilder } from '../onnx/graph-builder.ts';
import { sizeOf } from '../tensor.ts';
import { differentiate } from './autodiff.ts';
import { crossEntropy, labelTarget, weightedSum } from './losses.ts';
import { layoutOf, pack, unpackInGraph, packInGraph } from './parameters.ts';
import type { Layout } from './parameters.ts';

/** Labelled images [n, C, H, W]. */
export type Labelled = { readonly images: Float32Array; readonly labels: ArrayLike<number> };

export type GradientOptions = SessionSetting & {
  /** Images a call of the runtime. */
  readonly batch: number;
};

/** Gradients of the mean cross-entropy of a network as it is evaluated, at any weights. */
export class LossGradient {
  readonly #session: InferenceSession;
  readonly #model: Model;
  readonly #batch: number;
  /** Where each weight lies in the vectors. */
  readonly layout: Layout;

  private constructor(session: InferenceSession, model: Model, layout: Layout, batch: number) {
    this.#session = session;
    this.#model = model;
    this.layout = layout;
    this.#batch = batch;
  }

  /** Throws ModelError where a batch normalisation is left: run `forInference` first. */
  static async create(model: Model, { batch, ...setting }: GradientOptions): Promise<LossGradient> {
    const left = model.graph.nodes.find(({ op }) => op === 'BatchNormalization');
    if (left !== undefined)
      throw new ModelError(
        `${left.name}: its batch normalisation is no part of a convolution; its gradient would depend on the batch`,
      );
    const layout = layoutOf(model, [...model.weights.keys()]);
    const session = await InferenceSession.create(
      gradientGraph(model, layout, batch),
      sessionOptions(setting),
    );
    return new LossGradient(session, model, layout, batch);
  }

  /** The weights that the network came with. */
  parameters(): Float32Array {
    return pack(this.layout, this.#model.weights);
  }

  /** Of the mean over all images. */
  async at(parameters: Float32Array, { images, labels }: Labelled): Promise<Float64Array> {
    const n = labels.length;
    const batch = this.#batch;
    const { shape } = this.#model.graph.inputs[0]!;
    const size = sizeOf(shape);
    const sum = new Float64Array(parameters.length);
    for (let start = 0; start < n; start += batch) {
      const count = Math.min(batch, n - start);
      const padded = new Float32Array(batch * size);
      padded.set(images.subarray(start * size, (start + count) * size));
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

/** `count` labels from `start`, 0 after the last. */
function labelsOf(labels: ArrayLike<number>, start: number, count: number): BigInt64Array {
  return BigInt64Array.from({ length: count }, (_, i) => BigInt(labels[start + i] ?? 0));
}

/** Inputs: images, labels, each image's share of the loss [N] (0 for padding), parameters. Output: gradient. */
function gradientGraph(model: Model, layout: Layout, batch: number): Uint8Array {
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
