import { normals } from '../../models/architectures/init.ts';
import { resnet } from '../../models/architectures/resnet.ts';
import type { Model } from '../../models/graph.ts';
import { tensor } from '../../models/tensor.ts';
import { seededRng } from './rng.ts';

/** A residual network of two stages on 2 x 8 x 8 images: small enough for a test, with all that a big one has. */
export function tinyResnet(seed = 'tiny'): Model {
  const options = {
    name: 'tiny',
    inChannels: 2,
    size: 8,
    classes: 3,
    widths: [4, 6],
    blocks: [1, 1],
    stemRelu: true,
  };
  return withLivelyStatistics(resnet(options, seededRng(seed)));
}

/** Batch norms of a fresh network are the identity, and a mistake in them would not show: seeded numbers instead. */
function withLivelyStatistics(model: Model): Model {
  const lively = (name: string, v: number) =>
    /\.variance$/.test(name) ? 0.5 + v * v : /\.scale$/.test(name) ? 1 + v / 4 : v / 4;
  const weights = [...model.weights].map(([name, t]) => {
    if (!/\.(variance|scale|mean|bias)$/.test(name)) return [name, t] as const;
    const values = normals(t.data.length, seededRng(name)).map((v) => lively(name, v));
    return [name, tensor(t.shape, values)] as const;
  });
  return { ...model, weights: new Map(weights) };
}

/** The largest absolute difference of two arrays of one length. */
export function maximumDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`lengths ${a.length} and ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference; // NaN counts as a difference
  }
  return largest;
}

/** The largest absolute difference over the largest size of the second array's values. */
export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return maximumDifference(a, b) / Array.from(b).reduce((largest, v) => Math.max(largest, Math.abs(v)), 0);
}
