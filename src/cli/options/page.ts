import { byteImages, loadDataset } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import type { Shape } from '../../../models/tensor.ts';
import { countElements } from '../../../crypto/steps/activation/layer.ts';
import { planHash } from '../../../pipelines/plan/codec.ts';
import { wireOf } from '../../../pipelines/plan/plan.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import type { AboutModel, Sample } from '../../page/about.ts';
import { UsageError } from '../../shared/errors.ts';
import * as format from '../../shared/format.ts';
import { toBase64 } from '../../shared/text.ts';

/** Sample pictures on a page. */
const mostSamples = 10;

/** What the page is told of a model. */
export function aboutModel(plan: Plan, name: string, title: string): AboutModel {
  const relus = plan.steps.map((step) =>
    step.kind === 'activation' ? countElements(step.spec.kinds).relu : 0,
  );
  return {
    name,
    title,
    planHash: planHash(plan),
    shape: wireOf(plan, plan.input.wire).shape,
    relus: relus.reduce((a, b) => a + b, 0),
  };
}

/** The address of a server's page. */
export function pageUrl(url: string): string {
  return url.replace(/^ws/, 'http');
}

/** A page scales each picture once, so it asks the models that take the same pictures as the first. */
export function askedTogether(models: readonly AboutModel[]): readonly AboutModel[] {
  return models.filter(({ shape }) => shape.join() === models[0]!.shape.join());
}

/**
 * The first test images of a data set with different labels. They are shown to everybody. Throws UsageError
 * for a data set whose images are not of this shape.
 */
export async function samplesOf(data: string, shape: Shape): Promise<Sample[]> {
  const dataset = await loadDataset(data, 'test');
  if (dataset.shape.join() !== shape.join())
    throw new UsageError(
      `samples ${data}: expected images of ${format.shape(shape)}, got ${format.shape(dataset.shape)}`,
    );
  const size = byteImages(dataset).length / dataset.n;
  return firstOfDifferentClasses(dataset, mostSamples).map((index) => ({
    label: dataset.classes[dataset.labels[index]!]!,
    shape,
    pixels: toBase64(byteImages(dataset).subarray(index * size, (index + 1) * size)),
  }));
}

/** The first `count` images with different labels, chosen before any model sees them. */
export function firstOfDifferentClasses(dataset: Dataset, count: number): number[] {
  const seen = new Set<number>();
  const rows: number[] = [];
  for (let i = 0; i < dataset.n && rows.length < count; i++) {
    if (!seen.has(dataset.labels[i]!)) rows.push(i);
    seen.add(dataset.labels[i]!);
  }
  return rows;
}
