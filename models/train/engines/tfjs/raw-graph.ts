import * as tf from '@tensorflow/tfjs-core';
import type { RawGraph, RawNode, RawTensor } from '../../../onnx/raw.ts';
import { runRawNode } from './raw-ops.ts';

/** Evaluates values of an ONNX graph with tfjs. Only the nodes that they need are run. */
export class RawEvaluator {
  readonly #producers: ReadonlyMap<string, RawNode>;
  readonly #initializers: ReadonlyMap<string, RawTensor>;
  /** Constants, uploaded when they are first needed and kept until `dispose`. */
  readonly #constants = new Map<string, tf.Tensor>();

  constructor({ nodes, initializers }: RawGraph) {
    this.#producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
    this.#initializers = new Map(initializers.map((value) => [value.name, value]));
  }

  /**
   * Evaluates values by name; `given` has values that need no evaluation. The caller frees the results.
   * Throws UsageError for an unknown op.
   */
  evaluate(names: readonly string[], given: ReadonlyMap<string, tf.Tensor>): tf.Tensor[] {
    const values = new Map(given);
    return names.map((name) => this.#valueOf(name, values));
  }

  dispose(): void {
    tf.dispose([...this.#constants.values()]);
    this.#constants.clear();
  }

  #valueOf(name: string, values: Map<string, tf.Tensor>): tf.Tensor {
    const known = values.get(name) ?? this.#constant(name);
    if (known !== undefined) return known;
    const node = this.#producers.get(name);
    if (node === undefined) throw new RangeError(`value ${name}: it is neither given nor computed by a node`);
    const inputs = node.inputs.filter((input) => input !== '').map((input) => this.#valueOf(input, values));
    const value = runRawNode(node, inputs, (i) => this.#numbers(node, i));
    values.set(name, value);
    return value;
  }

  #constant(name: string): tf.Tensor | undefined {
    const known = this.#constants.get(name);
    const initializer = this.#initializers.get(name);
    if (known !== undefined || initializer === undefined) return known;
    const made = tf.keep(tensorOf(initializer));
    this.#constants.set(name, made);
    return made;
  }

  #numbers(node: RawNode, input: number): number[] {
    const name = node.inputs[input] ?? '';
    const constant = this.#initializers.get(name);
    if (constant === undefined)
      throw new RangeError(
        `${node.op} ${node.name ?? ''}: expected a constant as input ${input}, got '${name}'`,
      );
    return Array.from(constant.data as ArrayLike<number | bigint>, Number);
  }
}

/**
 * Uploads an initialiser. tfjs has no 64-bit integers; those of a step are shapes and labels, which fit in 32
 * bits.
 */
function tensorOf({ dtype, shape, data }: RawTensor): tf.Tensor {
  if (dtype === 'float32') return tf.tensor(data, [...shape]);
  if (dtype === 'bool') return tf.tensor(data, [...shape], 'bool');
  return tf.tensor(Int32Array.from(data as ArrayLike<number | bigint>, Number), [...shape], 'int32');
}
