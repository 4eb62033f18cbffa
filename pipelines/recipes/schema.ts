import { z } from 'zod';
import { architectures } from '../../models/architectures/index.ts';
import type { ArchitectureName } from '../../models/architectures/index.ts';
import { replacements } from '../../models/graph.ts';
import { schedules } from '../../models/train/schedules.ts';
import type { ScheduleName } from '../../models/train/schedules.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { criticalityForms, thinnings } from '../reduce/deepreduce/settings.ts';
import { granularities } from '../reduce/gates/layer-states.ts';
import { methodNames } from '../reduce/methods.ts';
import { checkTaken, givenIn } from '../reduce/options.ts';

const count = z.int().positive();
const share = z.number().gt(0).max(1);

const optimizer = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('sgd'),
    momentum: z.number().min(0).lt(1),
    weightDecay: z.number().min(0),
  }),
  z.strictObject({ name: z.literal('adamw'), weightDecay: z.number().min(0) }),
]);

const network = z.union([
  z.strictObject({ arch: z.enum(Object.keys(architectures) as ArchitectureName[]) }),
  z.strictObject({
    resnet: z.strictObject({ widths: z.array(count), blocks: z.array(count), stemRelu: z.boolean() }),
  }),
  z.strictObject({
    hybrenet: z.strictObject({
      baseWidth: count,
      multipliers: z.array(count),
      blocks: z.array(count),
      stemRelu: z.boolean(),
    }),
  }),
]);

const training = z.strictObject({
  epochs: count,
  batch: count,
  learningRate: z.number().positive(),
  optimizer,
  schedule: z.enum(Object.keys(schedules) as ScheduleName[]),
  labelSmoothing: share.exactOptional(),
});

const reductionForm = z.strictObject({
  method: z.enum(methodNames),
  /** The number of ReLUs to keep. */
  budget: z.int().nonnegative(),
  /** Epochs of learning which ReLUs to keep, for methods that learn it. */
  searchEpochs: count.exactOptional(),
  /** Epochs of fine-tuning. */
  epochs: count,
  batch: count,
  learningRate: z.number().positive(),
  optimizer,
  replace: z.enum(replacements).exactOptional(),
  granularity: z.enum(granularities).exactOptional(),
  /** The weight of the loss between the maps of the network and its teacher. */
  featureLoss: z.number().nonnegative().exactOptional(),
  deepreduce: z
    .strictObject({
      criticality: z.enum(criticalityForms).exactOptional(),
      criticalityEpochs: count.exactOptional(),
      order: z.array(z.string()).exactOptional(),
      cull: z.array(z.string()).exactOptional(),
      thinning: z.enum(thinnings).exactOptional(),
      alpha: share.exactOptional(),
      rho: share.exactOptional(),
    })
    .exactOptional(),
});

/** The reduction of a recipe, which must not have options of other methods. */
const reduction = reductionForm.superRefine(({ method, ...told }, context) => {
  try {
    checkTaken([method], givenIn(told));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    context.addIssue(error.message);
  }
});

const outcome = z.strictObject({ relus: count, accuracy: z.number().min(0).max(100) });

/** Where a recipe comes from, and its result with the test accuracy in percent. */
const origin = z.union(
  [
    z.strictObject({
      paper: z.string(),
      /** The source of the numbers. */
      source: z.string(),
      published: outcome,
      /** The differences between this program and the paper. */
      departures: z.array(z.string()),
    }),
    /** A recipe of this project, measured on that machine and day. */
    z.strictObject({ measured: outcome.extend({ on: z.string() }) }),
  ],
  'expected either paper, source, published and departures, or measured with relus, accuracy and on',
);

/** A configuration of training and reducing a network: a file NAME.json beside this one. */
export const recipeSchema = z.strictObject({
  title: z.string(),
  origin,
  data: z.strictObject({
    /** The name of the data set for `--data`. */
    like: z.string(),
    shape: z.tuple([count, count, count]),
    classes: count,
  }),
  network,
  /** The ReLUs of that network. */
  relus: count,
  train: training,
  reduce: reduction,
});

export type Recipe = z.infer<typeof recipeSchema>;

/** The result that a recipe promises: the paper's, or the one measured here. */
export function promisedBy({ origin }: Recipe): z.infer<typeof outcome> {
  return 'published' in origin ? origin.published : origin.measured;
}
