import { augmentInto, augmentationOf } from '../../../models/data/augment.ts';
import { pixels } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import { permutation, seededUniform } from '../../../models/data/seeded.ts';
import type { Uniform } from '../../../models/data/seeded.ts';
import { sessionSetting } from '../../../models/runtime/device.ts';
import type { SessionSetting } from '../../../models/runtime/device.ts';
import { membersOf } from '../../../models/fairness/groups.ts';
import type { Groups } from '../../../models/fairness/groups.ts';
import { meanOver, sampleScores } from '../../../models/fairness/metrics.ts';
import type { Model } from '../../../models/graph.ts';
import { predict } from '../../../models/runtime/run.ts';
import { sizeOf } from '../../../models/tensor.ts';
import type { Selecting } from '../reduction.ts';
import { sampleImages } from '../polynomials/training-sample.ts';
import type { LabelledSample, SampleOptions } from '../polynomials/training-sample.ts';

/**
 * How much each group counts when it is decided which ReLUs go: its mean loss under the original network,
 * divided by the sum over all groups. So a group that the network already serves badly counts more, however
 * few images it has. The shares sum to 1; a group without images has 0.
 */
export async function groupShares(
  model: Model,
  dataset: Dataset,
  groups: Groups,
  setting: SessionSetting = {},
): Promise<number[]> {
  const classes = sizeOf(model.graph.outputs[0]!.shape);
  const logits = await predict(model, pixels(dataset), dataset.n, setting);
  const losses = sampleScores.crossEntropy({ logits, classes, labels: dataset.labels });
  return sharesOf(membersOf(groups).map((group) => (group.length === 0 ? 0 : meanOver(losses, group))));
}

/** Turns mean losses into shares. The shares are equal if no group has any loss. */
export function sharesOf(losses: readonly number[]): number[] {
  const total = losses.reduce((sum, loss) => sum + loss, 0);
  return losses.map((loss) => (total === 0 ? 1 / losses.length : loss / total));
}

/**
 * The weight of each image, with a mean of 1: the share of its group divided evenly over the group's images.
 */
export function imageShares(groups: Groups, shares: readonly number[]): Float64Array {
  const sizes = membersOf(groups).map(({ length }) => length);
  return Float64Array.from(groups.codes, (g) => (groups.codes.length * shares[g]!) / sizes[g]!);
}

/**
 * The weights [n] of a data set's images by the shares of their groups, with a mean of 1. Undefined without
 * `fairSelect`.
 */
export async function selectionWeights(
  model: Model,
  dataset: Dataset,
  { fairSelect, ...setting }: SessionSetting & Selecting,
): Promise<Float64Array | undefined> {
  if (fairSelect === undefined) return undefined;
  const groups = fairSelect.groupsOf(dataset);
  return imageShares(groups, await groupShares(model, dataset, groups, sessionSetting(setting)));
}

/**
 * Draws training images in proportion to the groups' shares, so that a cost averaged over them is weighted by
 * group loss. There are as many as in `trainingSample`, and they are augmented in the same way. The images of
 * a small group occur several times, each time cropped anew. Undefined without `fairSelect`.
 */
export async function fairSample(
  model: Model,
  { train, seed, augment = true, fairSelect, ...options }: SampleOptions & Selecting,
): Promise<LabelledSample | undefined> {
  if (fairSelect === undefined) return undefined;
  const groups = fairSelect.groupsOf(train);
  const setting = sessionSetting(options);
  const shares = await groupShares(model, train, groups, setting);
  const uniform = seededUniform(seed, 2);
  const rows = rowsByShare(membersOf(groups), shares, Math.min(sampleImages, train.n), uniform);
  const images = new Float32Array(rows.length * sizeOf(train.shape));
  augmentInto(images, train, rows, augmentationOf(train.shape, augment), uniform);
  const labels = Uint32Array.from(rows, (row) => train.labels[row]!);
  return { images, n: rows.length, labels, ...setting };
}

/** About `n` rows: the number of each group is rounded. */
export function rowsByShare(
  members: readonly Int32Array[],
  shares: readonly number[],
  n: number,
  uniform: Uniform,
): number[] {
  return members.flatMap((group, g) => {
    const order = permutation(group.length, uniform);
    return Array.from({ length: Math.round(n * shares[g]!) }, (_, i) => group[order[i % group.length]!]!);
  });
}
