import { permutation } from '../data/seeded.ts';
import type { Uniform } from '../data/seeded.ts';

export type Mixture = {
  /** The images' second labels. */
  readonly partners: Uint8Array;
  /** Of each image's own pixels, in [0, 1]. */
  readonly share: number;
};

/**
 * mixup (Zhang et al. 2018, algorithm 1): replaces each of the batch's images by share * itself + (1 - share) * another of the batch, with
 * one share a batch from Beta(alpha, alpha). `images` [labels.length, ...] is changed in place.
 */
export function mixInto(images: Float32Array, labels: Uint8Array, alpha: number, uniform: Uniform): Mixture {
  const share = symmetricBeta(alpha, uniform);
  const order = permutation(labels.length, uniform);
  const size = images.length / labels.length;
  const before = images.slice();
  order.forEach((partner, i) => {
    for (let p = 0; p < size; p++) {
      const own = before[i * size + p]!;
      images[i * size + p] = own * share + before[partner * size + p]! * (1 - share);
    }
  });
  return { partners: Uint8Array.from(order, (partner) => labels[partner]!), share };
}

/** A draw from Beta(alpha, alpha) for alpha in (0, 1] (Jöhnk 1964): at alpha 1 every second pair of numbers is taken. */
export function symmetricBeta(alpha: number, uniform: Uniform): number {
  for (;;) {
    const [x, y] = [uniform() ** (1 / alpha), uniform() ** (1 / alpha)];
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
}
