import { inferShapes } from '../../models/analysis/shapes.ts';
import { resizing } from '../../models/data/images/image-target.ts';
import type { Model } from '../../models/graph.ts';
import { preprocess } from '../../models/preprocessing.ts';
import { Evaluator } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import type { Shape } from '../../models/tensor.ts';
import { DataError } from '../../src/shared/errors.ts';
import { silent } from '../../src/shared/progress.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { RangeCollector } from './ranges.ts';
import type { Ranges } from './ranges.ts';

/** Images, pixels [n, C, H, W] in [0, 1], on which the ranges of values are measured. */
export type Calibration = {
  readonly images: Float32Array;
  readonly n: number;
  /** [C, H, W] (default: the shape of the model's input, whose size they must have). */
  readonly shape?: Shape;
  /** For messages (default: 'calibration'). */
  readonly name?: string;
  /** The names that the plan tells if the model has none (default: none). */
  readonly classes?: readonly string[];
};

/** Throws DataError, which names both shapes, for images that the model does not take. */
export function checkCalibration(
  model: Model,
  { images, n, shape, name = 'calibration' }: Calibration,
): void {
  const input = model.graph.inputs[0]!.shape;
  const takes = `${model.graph.name} takes images of [${input.join(', ')}]`;
  if (shape !== undefined && shape.join() !== input.join())
    throw new DataError(`${name}: its images are [${shape.join(', ')}], but ${takes}${resizing(input)}`);
  if (images.length !== n * sizeOf(input) || n === 0)
    throw new DataError(`${name}: ${takes}, got ${images.length} values for ${n} images`);
}

/**
 * Measures the range of every value of the graph with onnxruntime (default: 8 images per call). Throws
 * DataError for images of another shape, and for values that are not finite.
 */
export async function calibrate(
  model: Model,
  calibration: Calibration,
  { batch = 8, onProgress = silent }: { readonly batch?: number; readonly onProgress?: OnProgress } = {},
): Promise<Ranges> {
  checkCalibration(model, calibration);
  const { images, n } = calibration;
  const input = model.graph.inputs[0]!;
  const size = sizeOf(input.shape);
  const collectors = new Map(
    [...inferShapes(model)].map(([name, shape]) => [name, new RangeCollector(shape)]),
  );
  const computed = [...collectors.keys()].filter((name) => name !== input.name);
  const evaluator = await Evaluator.create(model, { outputs: computed });
  try {
    for (let i = 0; i < n; i += batch) {
      const count = Math.min(batch, n - i);
      const slice = images.subarray(i * size, (i + count) * size);
      collectors.get(input.name)!.add(preprocess(slice, input.shape, model.graph.preprocessing), count);
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
