import type { Rng } from '../../src/shared/random.ts';
import { inferShapes } from '../analysis/shapes.ts';
import type { ConvAttributes, Model, Node, OpAttributes } from '../graph.ts';
import type { Shape, Tensor } from '../tensor.ts';
import { filled, heNormal } from './init.ts';

/**
 * Builds a network node by node. Each method adds a node called `name`, whose output has the same name, and
 * returns that name. Weights are called `<node>.weight`, `<node>.bias` and so on, and have PyTorch's usual
 * start: He initialisation, batch norms with scale 1 and bias 0.
 */
export class NetworkBuilder {
  readonly #nodes: Node[] = [];
  readonly #weights = new Map<string, Tensor>();
  readonly #name: string;
  readonly #input: Shape;
  readonly #rng: Rng;

  constructor(name: string, input: Shape, rng: Rng) {
    this.#name = name;
    this.#input = input;
    this.#rng = rng;
  }

  readonly input = 'image';

  /** Adds a convolution, padded so that stride 1 keeps the size (default: without bias). */
  conv(
    name: string,
    x: string,
    { inChannels, channels, kernel, stride }: ConvSizes,
    attributes: Partial<ConvAttributes> = {},
    bias = false,
  ): string {
    const pad = (kernel - 1) / 2;
    const group = attributes.group ?? 1;
    const perGroup = inChannels / group;
    this.#weights.set(
      `${name}.weight`,
      heNormal([channels, perGroup, kernel, kernel], perGroup * kernel * kernel, this.#rng),
    );
    if (bias) this.#weights.set(`${name}.bias`, filled([channels], 0));
    return this.#add({
      op: 'Conv',
      name,
      inputs: [x, `${name}.weight`, ...(bias ? [`${name}.bias`] : [])],
      outputs: [name],
      attributes: {
        kernel: [kernel, kernel],
        strides: [stride, stride],
        pads: [pad, pad, pad, pad],
        dilations: [1, 1],
        group: 1,
        ...attributes,
      },
    });
  }

  batchNorm(name: string, x: string, channels: number): string {
    const start = { scale: 1, bias: 0, mean: 0, variance: 1 };
    const inputs = Object.entries(start).map(([parameter, value]) => {
      this.#weights.set(`${name}.${parameter}`, filled([channels], value));
      return `${name}.${parameter}`;
    });
    // Rounded to float32, as in a file.
    const attributes = { epsilon: Math.fround(1e-5), momentum: Math.fround(0.9) };
    return this.#add({ op: 'BatchNormalization', name, inputs: [x, ...inputs], outputs: [name], attributes });
  }

  relu(name: string, x: string): string {
    return this.#add({ op: 'Relu', name, inputs: [x], outputs: [name], attributes: {} });
  }

  clip(name: string, x: string, min: number, max: number): string {
    return this.#add({ op: 'Clip', name, inputs: [x], outputs: [name], attributes: { min, max } });
  }

  add(name: string, a: string, b: string): string {
    return this.#add({ op: 'Add', name, inputs: [a, b], outputs: [name], attributes: {} });
  }

  /** Joins the channels. */
  concat(name: string, values: readonly string[]): string {
    return this.#add({ op: 'Concat', name, inputs: values, outputs: [name], attributes: { axis: 1 } });
  }

  maxPool(name: string, x: string, pool: OpAttributes['MaxPool']): string {
    return this.#add({ op: 'MaxPool', name, inputs: [x], outputs: [name], attributes: pool });
  }

  averagePool(name: string, x: string, pool: OpAttributes['AveragePool']): string {
    return this.#add({ op: 'AveragePool', name, inputs: [x], outputs: [name], attributes: pool });
  }

  globalAveragePool(name: string, x: string): string {
    return this.#add({ op: 'GlobalAveragePool', name, inputs: [x], outputs: [name], attributes: {} });
  }

  flatten(name: string, x: string): string {
    return this.#add({ op: 'Flatten', name, inputs: [x], outputs: [name], attributes: { axis: 1 } });
  }

  /** Adds y = x W^T + b, with W of [outputs, features]. */
  gemm(name: string, x: string, features: number, outputs: number): string {
    this.#weights.set(`${name}.weight`, heNormal([outputs, features], features, this.#rng));
    this.#weights.set(`${name}.bias`, filled([outputs], 0));
    const attributes = { alpha: 1, beta: 1, transA: false, transB: true };
    const inputs = [x, `${name}.weight`, `${name}.bias`];
    return this.#add({ op: 'Gemm', name, inputs, outputs: [name], attributes });
  }

  /** Returns the model that computes `output`. */
  build(output: string): Model {
    const inputs = [{ name: this.input, shape: this.#input }];
    const graph = { name: this.#name, inputs, outputs: [], nodes: this.#nodes };
    const shape = inferShapes({ graph, weights: this.#weights }).get(output)!;
    return { graph: { ...graph, outputs: [{ name: output, shape }] }, weights: this.#weights };
  }

  #add(node: Node): string {
    this.#nodes.push(node);
    return node.name;
  }
}

export type ConvSizes = {
  readonly inChannels: number;
  readonly channels: number;
  readonly kernel: number;
  readonly stride: number;
};
