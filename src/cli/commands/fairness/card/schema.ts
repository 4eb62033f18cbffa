import * as z from 'zod';

const rate = z.number().min(0).max(1);
/** Figures that do not apply, such as the p-value of the original, are null. */
const figure = z.number().nullable();
const interval = z.tuple([figure, figure]);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const trainingData = z.strictObject({
  name: z.string(),
  hash: sha256,
  images: z.int().min(1),
  held_out: z.number().min(0).lt(1),
});

const training = z.strictObject({
  step: z.enum(['train', 'reduce']),
  data: trainingData,
  method: z.string().optional(),
  relus: z.int().optional(),
  mitigation: z.strictObject({ scheme: z.string(), groups: z.string() }).optional(),
  fair_select: z.boolean().optional(),
});

const plan = z.union([
  z.strictObject({ hash: z.string().regex(/^[0-9a-f]+$/), calibrated_on: z.string(), images: z.int() }),
  z.strictObject({ none: z.string() }),
]);

const model = z.strictObject({
  name: z.string(),
  role: z.enum(['original', 'reduced', 'control']),
  relus: z.int().min(0),
  /** More than one if a line is of several seeds. Files have names without folders. */
  files: z.array(z.strictObject({ file: z.string(), sha256 })),
  /** What the file remembers of its trainings; null if it remembers nothing. */
  history: z.array(training).nullable(),
  plan,
  accuracy: rate,
  accuracy_interval: interval,
  drop: z.number(),
  drop_interval: interval,
});

const groupRow = z.strictObject({
  model: z.string(),
  accuracy: rate,
  interval,
  drop: z.number(),
  drop_interval: interval,
  excess_drop: z.number(),
  excess_drop_interval: interval,
  p_adjusted: figure,
  verdict: z.enum(['loses more', 'no evidence', 'too small', 'not tested']),
  detectable_loss: figure,
  calibration_error: figure,
  positive_rate: figure,
  true_positive_rate: figure,
  false_positive_rate: figure,
  predictive_value: figure,
});

const gapRow = z.strictObject({
  model: z.string(),
  gap: figure,
  interval,
  widening: figure,
  widening_interval: interval,
  worst_group: z.string().nullable(),
  worst_accuracy: figure,
  demographic_parity: figure,
  disparate_impact: figure,
  equalised_odds: figure,
  predictive_parity: figure,
});

const cell = z.strictObject({ group: z.string(), class: z.string(), n: z.int().min(1) });

const classRate = z.strictObject({
  model: z.string(),
  true_positive_rate: rate,
  true_positive_rate_interval: interval,
  drop: z.number(),
  drop_interval: interval,
});

const partition = z.strictObject({
  by: z.array(z.string()).min(1),
  groups: z.array(
    z.strictObject({ group: z.string(), n: z.int().min(1), in_gap: z.boolean(), models: z.array(groupRow) }),
  ),
  gaps: z.array(gapRow),
  /** Rates of each class by group; absent for two classes, and where groups are classes. */
  class_rates: z
    .strictObject({ cells: z.array(cell.extend({ models: z.array(classRate) })), left_out: z.array(cell) })
    .optional(),
  /** What the figures say, in sentences. */
  reading: z.array(z.string()),
});

/** The JSON form of a model card. */
export const cardSchema = z.strictObject({
  card: z.literal(1),
  /** ISO 8601. */
  date: z.iso.datetime(),
  program: z.strictObject({ name: z.literal('reluctant'), version: z.string() }),
  protocol: z.int(),
  data: z.strictObject({ name: z.string(), split: z.enum(['train', 'test']), images: z.int(), hash: sha256 }),
  models: z.array(model).min(2),
  partitions: z.array(partition).min(1),
  method: z.strictObject({
    resamples: z.int(),
    confidence: z.number(),
    seed: z.int(),
    level: z.number(),
    correction: z.string(),
    assumes: z.string(),
    min_group: z.int(),
    max_width: z.number(),
    min_group_in_gap: z.int(),
  }),
  /** What the figures do not say. */
  limits: z.array(z.string()).min(1),
});

export type Card = z.infer<typeof cardSchema>;
export type CardModel = Card['models'][number];
