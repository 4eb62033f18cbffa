import { inferShapes } from '../../../models/analysis/shapes.ts';
import type { Model, NodeOf } from '../../../models/graph.ts';
import { sizeOf, tensor } from '../../../models/tensor.ts';
import { forEachBatch } from './moments.ts';
import type { Sample } from './moments.ts';

/**
 * Measures the running statistics of a BatchNormalization anew on the sample, which must be augmented as in
 * training, where batches give the statistics.
 */
export async function renormalise(
  model: Model,
  { inputs }: NodeOf<'BatchNormalization'>,
  sample: Sample,
): Promise<Model> {
  const [x, , , mean, variance] = inputs as [string, string, string, string, string];
  const shape = inferShapes(model).get(x)!;
  const channels = shape[0]!;
  const places = sizeOf(shape) / channels;
  const [first, second] = [new Float64Array(channels), new Float64Array(channels)];
  await forEachBatch(model, [x], sample, (values) => {
    values.get(x)!.forEach((value, i) => {
      const channel = Math.floor(i / places) % channels;
      first[channel]! += value;
      second[channel]! += value * value;
    });
  });
  const count = sample.n * places;
  const means = first.map((sum) => sum / count);
  const variances = second.map((sum, c) => Math.max(0, sum / count - means[c]! ** 2));
  const vector = (values: Float64Array) => tensor([channels], Float32Array.from(values));
  const measured = [
    [mean, vector(means)],
    [variance, vector(variances)],
  ] as const;
  return { ...model, weights: new Map([...model.weights, ...measured]) };
}

/** Measures the running statistics of all BatchNormalizations anew, one after the other. */
export async function renormaliseAll(model: Model, sample: Sample): Promise<Model> {
  let measured = model;
  for (const node of model.graph.nodes)
    if (node.op === 'BatchNormalization') measured = await renormalise(measured, node, sample);
  return measured;
}
