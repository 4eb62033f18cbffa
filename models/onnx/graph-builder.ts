import { encodeRawModel } from './raw.ts';
import type { RawAttribute, RawDtype, RawFunction, RawGraph, RawNode, RawTensor, RawValue } from './raw.ts';

type RawData = RawTensor extends infer T ? (T extends RawTensor ? Omit<T, 'name'> : never) : never;

/**
 * Appends ONNX nodes one by one and returns the names of their values. Names that the builder makes up start
 * with '~', so that they never clash with those of a network added with `append`.
 */
export class GraphBuilder {
  readonly #nodes: RawNode[] = [];
  readonly #inputs: RawValue[] = [];
  readonly #outputs: RawValue[] = [];
  readonly #initializers: RawTensor[] = [];
  readonly #functions = new Map<string, RawFunction>();
  readonly #shared = new Map<string, string>();
  /** Values made by `op` that are not outputs yet. */
  readonly #own = new Set<string>();
  /**
   * The output names of values. Renaming a value is cheaper than an Identity, which runtimes execute as one
   * more pass over it if the value is also used elsewhere.
   */
  readonly #renamed = new Map<string, string>();
  #count = 0;

  /** Adds a node with one output and returns its name. */
  op(op: string, inputs: readonly string[], attributes: Record<string, RawAttribute> = {}): string {
    const output = this.fresh(op);
    this.#nodes.push({ op, name: output, inputs, outputs: [output], attributes });
    this.#own.add(output);
    return output;
  }

  /**
   * Cuts `value` along `axis` into parts of the given sizes. It uses Slices, because WebGPU refuses a Split
   * with more outputs than a shader has storage buffers (12, of which its input takes one).
   */
  split(value: string, sizes: readonly number[], axis: number): string[] {
    let end = 0;
    return sizes.map((size) => {
      const start = end;
      end += size;
      return this.op('Slice', [value, this.ints([start]), this.ints([end]), this.ints([axis])]);
    });
  }

  reshape(value: string, shape: readonly number[]): string {
    return this.op('Reshape', [value, this.ints(shape)]);
  }

  /** Sums a value over `axes`. */
  sum(value: string, axes: readonly number[], keepdims: boolean): string {
    return this.op('ReduceSum', [value, this.ints(axes)], { keepdims: { int: keepdims ? 1 : 0 } });
  }

  /** Adds one or more values of the same shape. Throws RangeError for none. */
  total(values: readonly string[]): string {
    if (values.length === 0) throw new RangeError('total: no values');
    return values.length === 1 ? values[0]! : this.op(values.length === 2 ? 'Add' : 'Sum', values);
  }

  /** Appends a node as it is, with the output names that the caller chose. */
  append(node: RawNode): void {
    this.#nodes.push(node);
  }

  /** Gives `value` a second name. */
  alias(value: string, name: string): void {
    this.#nodes.push({ op: 'Identity', name: this.fresh('Identity'), inputs: [value], outputs: [name] });
  }

  input(name: string, dtype: RawDtype, shape: readonly (number | string)[]): string {
    this.#inputs.push({ name, dtype, shape });
    return name;
  }

  /** Makes `value` an output with the given name. */
  output(value: string, name: string, dtype: RawDtype, shape: readonly (number | string)[]): void {
    const isOwn = this.#own.delete(value);
    if (isOwn) this.#renamed.set(value, name);
    else this.alias(value, name);
    this.#outputs.push({ name, dtype, shape });
  }

  initializer(tensor: RawTensor): string {
    this.#initializers.push(tensor);
    return tensor.name;
  }

  /** Adds a constant under a name made from `hint`. */
  constantNamed(hint: string, data: RawData): string {
    return this.initializer({ ...data, name: this.fresh(hint) });
  }

  floats(values: Float32Array, shape: readonly number[] = [values.length]): string {
    return this.constantNamed('floats', { dtype: 'float32', shape, data: values });
  }

  /** A float scalar. Equal scalars share one constant. */
  scalar(value: number): string {
    return this.#once(`f${value}`, () => this.floats(Float32Array.of(value), []));
  }

  /** A vector of int64. Equal vectors share one constant. */
  ints(values: readonly number[]): string {
    return this.#once(`i${values.join()}`, () =>
      this.constantNamed('ints', {
        dtype: 'int64',
        shape: [values.length],
        data: BigInt64Array.from(values, BigInt),
      }),
    );
  }

  useFunction(definition: RawFunction): void {
    this.#functions.set(`${definition.domain}.${definition.name}`, definition);
  }

  fresh(hint: string): string {
    return `~${hint}.${this.#count++}`;
  }

  build(name: string): RawGraph {
    return {
      name,
      inputs: this.#inputs,
      outputs: this.#outputs,
      nodes: this.#nodes.map((node) => this.#withNames(node)),
      initializers: this.#initializers,
      functions: [...this.#functions.values()],
    };
  }

  encode(name: string): Uint8Array {
    return encodeRawModel(this.build(name));
  }

  #withNames(node: RawNode): RawNode {
    const named = (values: readonly string[]) => values.map((value) => this.#renamed.get(value) ?? value);
    return { ...node, inputs: named(node.inputs), outputs: named(node.outputs) };
  }

  #once(key: string, make: () => string): string {
    const name = this.#shared.get(key) ?? make();
    this.#shared.set(key, name);
    return name;
  }
}
