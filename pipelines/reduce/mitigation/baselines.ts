import { createHash } from 'node:crypto';
import { permutation, uniformInt } from '../../../models/data/seeded.ts';
import type { Uniform } from '../../../models/data/seeded.ts';
import { membersOf } from '../../../models/fairness/groups.ts';
import type { Groups } from '../../../models/fairness/groups.ts';
import type { Controller, Json } from '../../../models/train/controller.ts';
import { hashOf } from './constraints.ts';

/**
 * Reweighting: every group counts alike in the loss, however many images it has. An image of group g weighs n
 * / (G n_g), where n_g of the n images are in that group and G groups have images.
 */
export function reweight(groups: Groups): Controller {
  const weights = balancedWeights(groups);
  return fixedWeights(weights, { scheme: 'reweight', groups: hashOf(groups) });
}

/** The weight of each image, by row, with a mean of 1. */
export function balancedWeights(groups: Groups): Float64Array {
  const sizes = membersOf(groups).map(({ length }) => length);
  const present = sizes.filter((size) => size > 0).length;
  return Float64Array.from(groups.codes, (g) => groups.codes.length / (present * sizes[g]!));
}

/**
 * A controller that gives each image a fixed weight. `weights` [n] are by row and have a mean of 1. `told` is
 * stored in checkpoints to tell this training from others.
 */
export function fixedWeights(weights: Float64Array, told: Readonly<Record<string, string>>): Controller {
  return {
    sampleWeights: (rows) => Float32Array.from(rows, (row) => weights[row]! / rows.length),
    state: () => told,
    restore: () => undefined,
  };
}

/** Adds image weights [n] to a controller. Its checkpoints fit only a training with the same weights. */
export function withImageWeights(controller: Controller, weights: Float64Array): Controller {
  const { sampleWeights, state, restore } = fixedWeights(weights, { weights: hashOfWeights(weights) });
  return {
    ...controller,
    sampleWeights: sampleWeights!,
    state: () => ({ controller: controller.state(), images: state() }),
    restore: (saved) => {
      restore(saved);
      controller.restore((saved as { readonly controller: Json }).controller);
    },
  };
}

function hashOfWeights(weights: Float64Array): string {
  return createHash('sha256').update(weights).digest('hex');
}

/**
 * A controller that draws equally many images of each group in an epoch, which stays as long as before. All
 * images of a group come as often as they fit, then some of them once more, others in each epoch.
 */
export function balancedSampling(groups: Groups): Controller {
  const members = membersOf(groups).filter(({ length }) => length > 0);
  return {
    rows: (uniform) => balancedRows(members, groups.codes.length, uniform),
    state: () => ({ scheme: 'balanced', groups: hashOf(groups) }),
    restore: () => undefined,
  };
}

/**
 * `n` rows in random order. The numbers of rows per group differ by at most one; chance decides which groups
 * get one more.
 */
export function balancedRows(members: readonly Int32Array[], n: number, uniform: Uniform): Uint32Array {
  const first = uniformInt(uniform, members.length);
  const rows = members.flatMap((group, g) => {
    const turn = (g - first + members.length) % members.length;
    const wanted = Math.floor(n / members.length) + (turn < n % members.length ? 1 : 0);
    return repeated(group, wanted, uniform);
  });
  const order = permutation(n, uniform);
  return order.map((i) => rows[i]!);
}

function repeated(group: Int32Array, wanted: number, uniform: Uniform): number[] {
  const rows: number[] = [];
  while (rows.length < wanted) {
    const order = permutation(group.length, uniform).subarray(0, wanted - rows.length);
    for (const i of order) rows.push(group[i]!);
  }
  return rows;
}
