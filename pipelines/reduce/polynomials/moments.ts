import type { SessionSetting } from '../../../models/runtime/device.ts';
import { inferShapes } from '../../../models/analysis/shapes.ts';
import type { Model } from '../../../models/graph.ts';
import { activationsOf } from '../../../models/analysis/inspect.ts';
import { Evaluator } from '../../../models/runtime/run.ts';
import { sizeOf } from '../../../models/tensor.ts';

/**
 * Means of products of an activation's input x and output y: everything that a least-squares quadratic needs.
 */
export type Moments<T = number> = {
  readonly x: T;
  readonly x2: T;
  readonly x3: T;
  readonly x4: T;
  readonly y: T;
  readonly xy: T;
  readonly x2y: T;
  readonly y2: T;
};

/** The images [n, C, H, W] on which distributions are measured. */
export type Sample = SessionSetting & {
  readonly images: Float32Array;
  readonly n: number;
};

/** The moments of an activation over `n` images, by element: [C * H * W] each. */
export type LayerMoments = { readonly channels: number; readonly elements: Moments<Float64Array> };

/** The number of images in one call of the runtime. */
const batch = 64;

/** The moments of the named activations. Sums are kept in float64. */
export async function activationMoments(
  model: Model,
  layers: readonly string[],
  sample: Sample,
): Promise<Map<string, LayerMoments>> {
  const shapes = inferShapes(model);
  const measured = activationsOf(model)
    .filter(({ name }) => layers.includes(name))
    .map(({ name, inputs, outputs }) => {
      const [x, y] = [inputs[0]!, outputs[0]!];
      const shape = shapes.get(y)!;
      const size = sizeOf(shape);
      return { name, x, y, channels: shape[0]!, sums: mapMoments(() => new Float64Array(size)) };
    });
  const outputs = [...new Set(measured.flatMap(({ x, y }) => [x, y]))];
  await forEachBatch(model, outputs, sample, (values) => {
    for (const { x, y, sums } of measured) accumulate(sums, values.get(x)!, values.get(y)!);
  });
  const meanOf = (sums: Float64Array) => sums.map((sum) => sum / sample.n);
  return new Map(
    measured.map(({ name, channels, sums }) => [
      name,
      { channels, elements: mapMoments((key) => meanOf(sums[key])) },
    ]),
  );
}

/** Computes the named values of the sample, some images at a time, and hands them over as [n, ...] each. */
export async function forEachBatch(
  model: Model,
  outputs: readonly string[],
  { images, n, ...setting }: Sample,
  use: (values: ReadonlyMap<string, Float32Array>) => void,
): Promise<void> {
  const evaluator = await Evaluator.create(model, { outputs, ...setting });
  const imageSize = images.length / n;
  try {
    for (let i = 0; i < n; i += batch) {
      const count = Math.min(batch, n - i);
      use(await evaluator.run(images.subarray(i * imageSize, (i + count) * imageSize), count));
    }
  } finally {
    await evaluator.release();
  }
}

/** The moments of one element. */
export function momentsAt({ elements }: LayerMoments, element: number): Moments {
  return mapMoments((key) => elements[key][element]!);
}

/** The moments over several elements together. */
export function momentsOver({ elements }: LayerMoments, chosen: readonly number[]): Moments {
  return mapMoments((key) => chosen.reduce((sum, e) => sum + elements[key][e]!, 0) / chosen.length);
}

function mapMoments<T>(of: (key: keyof Moments) => T): Moments<T> {
  return {
    x: of('x'),
    x2: of('x2'),
    x3: of('x3'),
    x4: of('x4'),
    y: of('y'),
    xy: of('xy'),
    x2y: of('x2y'),
    y2: of('y2'),
  };
}

function accumulate(sums: Moments<Float64Array>, xs: Float32Array, ys: Float32Array): void {
  const size = sums.x.length;
  for (let start = 0; start < xs.length; start += size) {
    for (let e = 0; e < size; e++) {
      const x = xs[start + e]!;
      const y = ys[start + e]!;
      const square = x * x;
      sums.x[e]! += x;
      sums.x2[e]! += square;
      sums.x3[e]! += square * x;
      sums.x4[e]! += square * square;
      sums.y[e]! += y;
      sums.xy[e]! += x * y;
      sums.x2y[e]! += square * y;
      sums.y2[e]! += y * y;
    }
  }
}
