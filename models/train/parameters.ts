import type { Model } from '../graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { sizeOf, tensor } from '../tensor.ts';
import type { Shape, Tensor } from '../tensor.ts';

/** The place of each of a list of weights in one vector. */
export type ParameterLayout = {
  readonly entries: readonly { readonly name: string; readonly shape: Shape; readonly offset: number }[];
  readonly size: number;
};

export function parameterLayout(model: Model, names: readonly string[]): ParameterLayout {
  let size = 0;
  const entries = names.map((name) => {
    const { shape } = model.weights.get(name)!;
    const entry = { name, shape, offset: size };
    size += sizeOf(shape);
    return entry;
  });
  return { entries, size };
}

/**
 * Cuts a layout into parts of consecutive weights. A part has at most `most` numbers (default: 2^20), unless
 * it is one weight.
 *
 * A step takes its vectors in parts for two reasons: a part stays in the cache while the optimiser updates
 * it, and onnxruntime's binding copies each output into new memory. Up to 32 MB, that memory comes from what
 * was freed before; beyond, it is new pages that the system must clear. (11 million weights, SGD, processor
 * milliseconds, one thread: 84 in one vector, 60 in two, 38 in eight.)
 */
export function partsOf(layout: ParameterLayout, most = 2 ** 20): ParameterLayout[] {
  const groups: (typeof layout.entries)[number][][] = [];
  let size = Infinity;
  for (const entry of layout.entries) {
    size += sizeOf(entry.shape);
    if (size > most) {
      groups.push([]);
      size = sizeOf(entry.shape);
    }
    groups.at(-1)!.push(entry);
  }
  return groups.map((entries) => {
    const start = entries[0]!.offset;
    const { offset, shape } = entries.at(-1)!;
    const moved = entries.map((entry) => ({ ...entry, offset: entry.offset - start }));
    return { entries: moved, size: offset + sizeOf(shape) - start };
  });
}

/** Joins the weights of a model into one vector. */
export function pack(layout: ParameterLayout, weights: ReadonlyMap<string, Tensor>): Float32Array {
  const vector = new Float32Array(layout.size);
  for (const { name, offset } of layout.entries) vector.set(weights.get(name)!.data, offset);
  return vector;
}

/** Copies the tensors out of a vector. */
export function unpack(layout: ParameterLayout, vector: Float32Array): Map<string, Tensor> {
  return new Map(
    layout.entries.map(({ name, shape, offset }) => {
      return [name, tensor(shape, vector.slice(offset, offset + sizeOf(shape)))];
    }),
  );
}

/** Appends nodes that cut `vector` into values with the names and shapes of the layout. */
export function unpackInGraph(graph: GraphBuilder, layout: ParameterLayout, vector: string): void {
  const sizes = layout.entries.map(({ shape }) => sizeOf(shape));
  const parts = sizes.length === 1 ? [vector] : graph.split(vector, sizes, 0);
  layout.entries.forEach(({ name, shape }, i) => {
    graph.append({ op: 'Reshape', name, inputs: [parts[i]!, graph.ints(shape)], outputs: [name] });
  });
}

/** Appends nodes that join values into a vector, in the layout's order. */
export function packInGraph(
  graph: GraphBuilder,
  layout: ParameterLayout,
  values: ReadonlyMap<string, string>,
): string {
  const flat = layout.entries.map(({ name }) => graph.reshape(values.get(name)!, [-1]));
  return flat.length === 1 ? flat[0]! : graph.op('Concat', flat, { axis: { int: 0 } });
}

/** `perWeight` as a constant, which is a scalar if all weights have the same number. */
export function constantPerWeight(
  graph: GraphBuilder,
  layout: ParameterLayout,
  value: (entry: ParameterLayout['entries'][number]) => number,
): string {
  const [first, ...others] = layout.entries.map(value);
  if (others.every((other) => other === first)) return graph.scalar(first!);
  return graph.floats(perWeight(layout, value));
}

/** A vector that holds one number for each weight, repeated over its elements. */
export function perWeight(
  layout: ParameterLayout,
  value: (entry: ParameterLayout['entries'][number]) => number,
): Float32Array {
  const vector = new Float32Array(layout.size);
  for (const entry of layout.entries)
    vector.fill(value(entry), entry.offset, entry.offset + sizeOf(entry.shape));
  return vector;
}
