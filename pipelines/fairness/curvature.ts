import { pixels } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { seededUniform } from '../../models/data/seeded.ts';
import {
  largestEigenvalue,
  lossGrowthBound,
  norm,
  rankCorrelation,
} from '../../models/fairness/curvature.ts';
import { groupsOfLabels, membersOf } from '../../models/fairness/groups.ts';
import type { Groups } from '../../models/fairness/groups.ts';
import { meanOver, sampleScores } from '../../models/fairness/metrics.ts';
import type { Model } from '../../models/graph.ts';
import { forInference } from '../../models/passes/index.ts';
import { predict } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import { fitted } from '../../models/data/fitted.ts';
import { LossGradient } from '../../models/train/gradient.ts';
import { silent } from '../../src/shared/progress.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import type { NamedModel } from './compare.ts';

export type CurvatureOptions = {
  readonly groups?: Groups;
  /** The number of images per group, the first ones of the data set (default: 100). */
  readonly images?: number;
  readonly seed?: number;
  readonly onProgress?: OnProgress;
};

/**
 * A model's loss on a group: the mean cross-entropy of the group's images. BatchNormalizations are folded
 * into the weights first.
 */
export type CurvatureRow = {
  readonly model: string;
  readonly gradientNorm: number;
  /** The largest eigenvalue of the Hessian, found by power iteration. */
  readonly eigenvalue: number;
  /** How much larger the loss is than the original's on these images, in nats. */
  readonly lossGrowth: number;
  /**
   * How much the loss may grow by the original's gradient and Hessian, given how far the weights moved (see
   * `lossGrowthBound`); NaN for the original.
   */
  readonly bound: number;
};

export type CurvatureReport = {
  readonly groups: readonly {
    readonly group: string;
    /** The number of images measured. */
    readonly n: number;
    readonly models: readonly CurvatureRow[];
  }[];
  /**
   * For each reduced model, how far its weights moved, and the rank correlation (Spearman, -1 to 1) of the
   * bounds and the loss growths over the groups.
   */
  readonly models: readonly {
    readonly model: string;
    readonly distance: number;
    readonly rankCorrelation: number;
  }[];
};

/**
 * Checks on one's own data how Das, Romanelli and Fioretto (ICML 2024) explain unequal losses: a group's loss
 * grows with its gradient norm and the largest eigenvalue of its Hessian. The first model is the original.
 */
export async function curvatureReport(
  named: readonly NamedModel[],
  data: Dataset,
  { groups: given, images = 100, seed = 1, onProgress = silent }: CurvatureOptions = {},
): Promise<CurvatureReport> {
  const dataset = fitted(named[0]!.model, data);
  const groups = given ?? groupsOfLabels(dataset.labels, dataset.classes);
  const members = membersOf(groups).map((group) => group.subarray(0, images));
  const present = groups.names.map((_, g) => g).filter((g) => members[g]!.length > 0);
  const models = named.map(({ name, model }) => ({ name, model: forInference(model) }));
  const measured: Measured[][] = [];
  for (const { name, model } of models) {
    fitted(model, dataset);
    const progress = (done: number) =>
      onProgress({ phase: 'curvature', of: name, done, total: present.length });
    measured.push(
      await measure(
        model,
        dataset,
        present.map((g) => members[g]!),
        seed,
        progress,
      ),
    );
  }
  const distances = models.map(({ model }) => distanceOf(models[0]!.model, model));
  const rows = present.map((g, at) => ({
    group: groups.names[g]!,
    n: members[g]!.length,
    models: models.map(({ name }, m): CurvatureRow => {
      const [before, now] = [measured[0]![at]!, measured[m]![at]!];
      const { gradientNorm, eigenvalue } = before;
      return {
        model: name,
        gradientNorm: now.gradientNorm,
        eigenvalue: now.eigenvalue,
        lossGrowth: now.loss - before.loss,
        bound: m === 0 ? NaN : lossGrowthBound(gradientNorm, eigenvalue, distances[m]!),
      };
    }),
  }));
  const column = (m: number, key: 'bound' | 'lossGrowth') => rows.map((row) => row.models[m]![key]);
  return {
    groups: rows,
    models: models.slice(1).map(({ name }, i) => ({
      model: name,
      distance: distances[i + 1]!,
      rankCorrelation: rankCorrelation(column(i + 1, 'bound'), column(i + 1, 'lossGrowth')),
    })),
  };
}

type Measured = { readonly loss: number; readonly gradientNorm: number; readonly eigenvalue: number };

/**
 * The step of central differences as a share of the weights' norm. Float32 gradients are exact to about 10^-6
 * of their size.
 */
const relativeStep = 1e-3;

async function measure(
  model: Model,
  dataset: Dataset,
  members: readonly Int32Array[],
  seed: number,
  progress: (done: number) => void,
): Promise<Measured[]> {
  const batch = Math.min(50, Math.max(...members.map((group) => group.length)));
  const gradient = await LossGradient.create(model, { batch });
  try {
    const point = gradient.parameters();
    const step = relativeStep * norm(point);
    const found: Measured[] = [];
    for (const group of members) {
      const labels = Array.from(group, (sample) => dataset.labels[sample]!);
      const data = { images: pixels(dataset, group), labels };
      const at = (where: Float32Array) => gradient.at(where, data);
      const eigenvalue = await largestEigenvalue(at, point, { step, uniform: seededUniform(seed) });
      const gradientNorm = norm(await at(point));
      found.push({ loss: await lossOf(model, data), gradientNorm, eigenvalue });
      progress(found.length);
    }
    return found;
  } finally {
    await gradient.release();
  }
}

async function lossOf(model: Model, { images, labels }: { images: Float32Array; labels: number[] }) {
  const classes = sizeOf(model.graph.outputs[0]!.shape);
  const logits = await predict(model, images, labels.length);
  const scores = sampleScores.crossEntropy({ logits, classes, labels });
  return meanOver(
    scores,
    labels.map((_, i) => i),
  );
}

/** The norm of the difference between the weights that both models have, matched by name and size. */
function distanceOf(original: Model, reduced: Model): number {
  const differences: number[] = [];
  for (const [name, { data }] of reduced.weights) {
    const before = original.weights.get(name)?.data;
    if (before?.length !== data.length) continue;
    differences.push(norm(data.map((value, i) => value - before[i]!)));
  }
  return norm(differences);
}
