import { ModelError } from '../src/shared/errors.ts';
import { inferShapes } from '../models/graph-tools.ts';
import type { Model } from '../models/graph.ts';
import { activationsOf } from '../models/inspect.ts';
import { Evaluator } from '../models/run.ts';
import { sizeOf } from '../models/tensor.ts';
import type { Shape } from '../models/tensor.ts';

/** Mean and standard deviation of an activation's input. */
export type Moments = { readonly mean: Float64Array; readonly sigma: Float64Array };

/** `channels`: over images and places, [C]. `elements`: over images, [C * H * W]. */
export type ActivationStatistics = {
  readonly shape: Shape;
  readonly channels: Moments;
  readonly elements: Moments;
};

export type StatisticsOptions = { readonly batch?: number; readonly threads?: number };

/**
 * Of each activation node, by name, over `n` images [n, C, H, W]: they are evaluated in batches, sums are kept in float64.
 * Throws ModelError where nothing is computed before an activation.
 */
export async function activationStatistics(
  model: Model,
  images: Float32Array,
  n: number,
  { batch = 64, threads }: StatisticsOptions = {},
): Promise<Map<string, ActivationStatistics>> {
  const inputs = new Map(activationsOf(model).map((node) => [node.name, node.inputs[0]!]));
  const shapes = inferShapes(model);
  const outputs = [...new Set(inputs.values())];
  const sums = new Map(outputs.map((name) => [name, emptySums(sizeOf(shapeOf(shapes, name)))]));
  const evaluator = await Evaluator.create(model, { outputs, ...(threads !== undefined && { threads }) });
  const imageSize = images.length / n;
  try {
    for (let i = 0; i < n; i += batch) {
      const count = Math.min(batch, n - i);
      const values = await evaluator.run(images.subarray(i * imageSize, (i + count) * imageSize), count);
      for (const [name, value] of values) accumulate(sums.get(name)!, value);
    }
  } finally {
    await evaluator.release();
  }
  return new Map(
    [...inputs].map(([node, name]) => [node, summarise(sums.get(name)!, shapeOf(shapes, name), n)]),
  );
}

type Sums = { readonly first: Float64Array; readonly second: Float64Array };

function emptySums(size: number): Sums {
  return { first: new Float64Array(size), second: new Float64Array(size) };
}

function accumulate({ first, second }: Sums, values: Float32Array): void {
  const size = first.length;
  for (let start = 0; start < values.length; start += size) {
    for (let i = 0; i < size; i++) {
      const v = values[start + i]!;
      first[i]! += v;
      second[i]! += v * v;
    }
  }
}

function summarise(sums: Sums, shape: Shape, n: number): ActivationStatistics {
  const [channels = 1] = shape;
  return {
    shape,
    channels: moments(
      perChannel(sums.first, channels),
      perChannel(sums.second, channels),
      (n * sizeOf(shape)) / channels,
    ),
    elements: moments(sums.first, sums.second, n),
  };
}

function perChannel(values: Float64Array, channels: number): Float64Array {
  const places = values.length / channels;
  return Float64Array.from({ length: channels }, (_, c) =>
    values.subarray(c * places, (c + 1) * places).reduce((a, b) => a + b, 0),
  );
}

function moments(first: Float64Array, second: Float64Array, count: number): Moments {
  const mean = first.map((sum) => sum / count);
  const sigma = second.map((sum, i) => Math.sqrt(Math.max(0, sum / count - mean[i]! ** 2)));
  return { mean, sigma };
}

function shapeOf(shapes: ReadonlyMap<string, Shape>, name: string): Shape {
  const shape = shapes.get(name);
  if (shape === undefined) throw new ModelError(`value ${name}: an activation's input must be computed`);
  return shape;
}
