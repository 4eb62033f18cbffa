import { inferShapes } from '../../models/analysis/shapes.ts';
import type { Model } from '../../models/graph.ts';
import { Evaluator } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import { DataError } from '../../src/shared/errors.ts';
import { silent } from '../../src/shared/progress.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { RangeCollector } from './ranges.ts';
import type { Ranges } from './ranges.ts';

/** Images [n, C, H, W] on which the ranges of values are measured. */
export type Calibration = { readonly images: Float32Array; readonly n: number };

/**
 * Measures the range of every value of the graph with onnxruntime (default: 8 images per call). Throws
 * DataError for images of another size, and for values that are not finite.
 */
export async function calibrate(
  model: Model,
  { images, n }: Calibration,
  { batch = 8, onProgress = silent }: { readonly batch?: number; readonly onProgress?: OnProgress } = {},
): Promise<Ranges> {
  const input = model.graph.inputs[0]!;
  const size = sizeOf(input.shape);
  if (images.length !== n * size || n === 0)
    throw new DataError(
      `calibration: ${model.graph.name} takes images of [${input.shape.join(', ')}], ` +
        `got ${images.length} values for ${n} images`,
    );
  const collectors = new Map(
    [...inferShapes(model)].map(([name, shape]) => [name, new RangeCollector(shape)]),
  );
  const computed = [...collectors.keys()].filter((name) => name !== input.name);
  const evaluator = await Evaluator.create(model, { outputs: computed });
  try {
    for (let i = 0; i < n; i += batch) {
      const count = Math.min(batch, n - i);
      const slice = images.subarray(i * size, (i + count) * size);
      collectors.get(input.name)!.add(slice, count);
      const values = await evaluator.run(slice, count);
      for (const name of computed) collectors.get(name)!.add(values.get(name)!, count);
      onProgress({ phase: 'calibration', done: i + count, total: n });
    }
  } finally {
    await evaluator.release();
  }
  return checked(collectors);
}

function checked(collectors: ReadonlyMap<string, RangeCollector>): Ranges {
  const ranges = new Map([...collectors].map(([name, collector]) => [name, collector.range()]));
  for (const [name, range] of ranges) {
    if (!range.meanSquares.every((value) => Number.isFinite(value))) {
      throw new DataError(`calibration: value ${name} is not finite on the given images`);
    }
  }
  return ranges;
}
