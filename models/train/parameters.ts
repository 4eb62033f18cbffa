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
  const parts = graph.split(
    vector,
    layout.entries.map(({ shape }) => sizeOf(shape)),
    0,
  );
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
  return graph.op('Concat', flat, { axis: { int: 0 } });
}

/** A vector that holds one number for each weight, repeated over its elements. */
export function perWeight(layout: Layout, value: (entry: Layout['entries'][number]) => number): Float32Array {
  const vector = new Float32Array(layout.size);
  for (const entry of layout.entries)
    vector.fill(value(entry), entry.offset, entry.offset + sizeOf(entry.shape));
  return vector;
}
