import type { Model } from '../graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { sizeOf, tensor } from '../tensor.ts';
import type { Shape, Tensor } from '../tensor.ts';

/** Where each of a list of weights lies in one vector. */
export type Layout = {
  readonly entries: readonly { readonly name: string; readonly shape: Shape; readonly offset: number }[];
  readonly size: number;
};

export function layoutOf(model: Model, names: readonly string[]): Layout {
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
 * Consecutive weights as layouts of their own, none larger than `most` numbers unless it is one weight. A step takes its vectors so:
 * what an optimiser does to a part stays in the cache, and onnxruntime's binding copies each output into fresh memory, which
 * up to 32 MB comes from what was freed before, beyond as pages that the system must clear (11 million weights, SGD, processor's ms,
 * one thread: as one vector 84, as two 60, as eight 38).
 */
export function partsOf(layout: Layout, most = 2 ** 20): Layout[] {
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

/** The weights of a model as one vector. */
export function pack(layout: Layout, weights: ReadonlyMap<string, Tensor>): Float32Array {
  const vector = new Float32Array(layout.size);
  for (const { name, offset } of layout.entries) vector.set(weights.get(name)!.data, offset);
  return vector;
}

/** The tensors of a vector, copied. */
export function unpack(layout: Layout, vector: Float32Array): Map<string, Tensor> {
  return new Map(
    layout.entries.map(({ name, shape, offset }) => {
      return [name, tensor(shape, vector.slice(offset, offset + sizeOf(shape)))];
    }),
  );
}

/** Appends the cutting of `vector` into values with the names and shapes of the layout. */
export function unpackInGraph(graph: GraphBuilder, layout: Layout, vector: string): void {
  const sizes = layout.entries.map(({ shape }) => sizeOf(shape));
  const parts = sizes.length === 1 ? [vector] : graph.split(vector, sizes, 0);
  layout.entries.forEach(({ name, shape }, i) => {
    graph.append({ op: 'Reshape', name, inputs: [parts[i]!, graph.ints(shape)], outputs: [name] });
  });
}

/** Appends the joining of values, in the layout's order, to a vector. */
export function packInGraph(
  graph: GraphBuilder,
  layout: Layout,
  values: ReadonlyMap<string, string>,
): string {
  const flat = layout.entries.map(({ name }) => graph.reshape(values.get(name)!, [-1]));
  return flat.length === 1 ? flat[0]! : graph.op('Concat', flat, { axis: { int: 0 } });
}

/** `perWeight` as a constant; a scalar where all weights have the same number. */
export function constantPerWeight(
  graph: GraphBuilder,
  layout: Layout,
  value: (entry: Layout['entries'][number]) => number,
): string {
  const [first, ...others] = layout.entries.map(value);
  if (others.every((other) => other === first)) return graph.scalar(first!);
  return graph.floats(perWeight(layout, value));
}

/** A vector that holds one number for each weight, repeated over its elements. */
export function perWeight(layout: Layout, value: (entry: Layout['entries'][number]) => number): Float32Array {
  const vector = new Float32Array(layout.size);
  for (const entry of layout.entries)
    vector.fill(value(entry), entry.offset, entry.offset + sizeOf(entry.shape));
  return vector;
}
