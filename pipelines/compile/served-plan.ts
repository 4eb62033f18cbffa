import { pixels } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { findMatch, withClasses } from '../../models/data/match-classes.ts';
import { permutation, seededUniform } from '../../models/data/seeded.ts';
import type { Model, Node } from '../../models/graph.ts';
import { calibrationPixels } from '../../models/train/doubtful-pixels.ts';
import { whyNotMixed } from '../../models/passes/recognise-mixed.ts';
import { PlanError } from '../../src/shared/errors.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import type { Plan } from '../plan/plan.ts';
import { calibrate, checkCalibration } from './calibrate.ts';
import type { Calibration } from './calibrate.ts';
import { calibrationWarnings } from './calibration-warnings.ts';
import { compile, publicPart } from './compile.ts';
import type { CompileOptions } from './options.ts';
import { privateForm } from './private-form.ts';
import { problemsOf } from './private-problems.ts';
import type { PrivateProblem } from './private-problems.ts';
import { quantise } from './quantise.ts';
import type { ServerWeights } from './quantise.ts';
import type { Ranges } from './ranges.ts';

/** What a server needs to serve a model. The plan is public; the weights are its secret. */
export type Prepared = {
  readonly plan: Plan;
  readonly weights: ServerWeights;
  /** The network in float, in the form that was compiled: its nodes are those that the plan names. */
  readonly model: Model;
  /** The ranges of the values of `model`. */
  readonly ranges: Ranges;
  readonly calibration: {
    /** How many images measured the ranges. */
    readonly images: number;
    /**
     * What speaks against these images for this model, a sentence each: see `calibrationWarnings` and
     * `calibrationPixels`.
     */
    readonly warnings: readonly string[];
  };
};

export type PrepareOptions = Partial<CompileOptions> & {
  /**
   * Images on which the scales are measured: the whole training set, of which 256 images are taken, or images
   * [n, C, H, W] of your own, of which all are taken. A few hundred are enough.
   */
  readonly calibration: Dataset | Calibration;
  readonly onProgress?: OnProgress;
};

/** The number of training images on which scales are measured. */
export const calibrationImages = 256;

/**
 * The images of a training set that calibrate a model's scales. They are always the same, so that a model has
 * one plan; a part of the set would give other images and another plan.
 */
export function calibrationOf(train: Dataset): Calibration {
  const rows = permutation(train.n, seededUniform(1)).subarray(0, calibrationImages);
  const { shape, name } = train;
  return { images: pixels(train, rows), n: rows.length, shape, name, ...namesOf(train) };
}

/** The names of the classes, unless it would be a guess which of them is which logit. */
function namesOf({ classes, classOrder }: Dataset): { readonly classes?: readonly string[] } {
  return classOrder === 'names' ? {} : { classes };
}

/**
 * Makes the plan and the integer weights from which a model is served. The model may be as it was read or
 * trained. Throws PlanError, which names the node, for a model that cannot run privately, and DataError for
 * images of another shape than the model's input, or on which all answers are the same, and if an image or a
 * value of the network is not finite.
 */
export async function prepare(model: Model, options: PrepareOptions): Promise<Prepared> {
  const { served, ranges, given, compileOptions } = await measured(model, options);
  const warnings = await warningsOf(model, ranges, given, options.calibration);
  const plan = explained(warnings, () => compile(served.graph, ranges, publicPart(served), compileOptions));
  const calibration = { images: given.n, warnings };
  return { plan, weights: quantise(served, plan), model: served, ranges, calibration };
}

async function warningsOf(
  model: Model,
  ranges: Ranges,
  given: Calibration,
  calibration: PrepareOptions['calibration'],
): Promise<string[]> {
  const warnings = await calibrationWarnings(model, ranges, given);
  const pixels = 'labels' in calibration ? await calibrationPixels(model, calibration) : undefined;
  return pixels === undefined ? warnings : [...warnings, pixels];
}

/** Makes the plan of `prepare`, without the weights. */
export async function servedPlan(model: Model, options: PrepareOptions): Promise<Plan> {
  const { served, ranges, compileOptions } = await measured(model, options);
  return compile(served.graph, ranges, publicPart(served), compileOptions);
}

/** Calibration needs no labels, so a guess is no error here. */
function matchedIfSure(model: Model, dataset: Dataset): Dataset {
  const match = findMatch(model, dataset);
  return 'refusal' in match ? { ...dataset, classOrder: 'names' } : match.dataset;
}

/** The plan of a prepared model with other options, for the ranges that were measured. */
export function replanned({ model, ranges }: Prepared, options: Partial<CompileOptions>): Plan {
  return compile(model.graph, ranges, publicPart(model), options);
}

/**
 * The nodes that keep a model from running privately, each with its reason: see `problemsOf`. Nodes have the
 * names of the form that is compiled.
 */
export function privateProblems(model: Model): readonly PrivateProblem[] {
  const products = whyNotMixed(model);
  return problemsOf(privateForm(model)).map((problem) => ({
    ...problem,
    reason: products.get(problem.name) ?? problem.reason,
  }));
}

async function measured(model: Model, { calibration, onProgress, ...compileOptions }: PrepareOptions) {
  const given = 'labels' in calibration ? calibrationOf(matchedIfSure(model, calibration)) : calibration;
  checkCalibration(model, given);
  const served = privateForm(withClasses(model, given.classes));
  refuseUnfit(model, served);
  const ranges = await calibrate(served, given, onProgress === undefined ? {} : { onProgress });
  return { served, ranges, given, compileOptions };
}

/** Ranges that are too wide for a plan may be the fault of the images: a PlanError then says so. */
function explained(warnings: readonly string[], work: () => Plan): Plan {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PlanError) || warnings.length === 0) throw error;
    throw new PlanError(`${error.message}; the calibration images may be at fault: ${warnings.join('; ')}`);
  }
}

/**
 * Throws PlanError for a masked activation, square or polynomial that was not recognised, and says what does
 * not fit. The lowering sees only a product.
 */
function refuseUnfit(model: Model, served: Model): void {
  const isMasked = ({ op, inputs }: Node) => op === 'Mul' && inputs.some((name) => served.weights.has(name));
  const products = served.graph.nodes.filter(isMasked);
  if (products.length === 0) return;
  const reasons = whyNotMixed(model);
  for (const { name } of products) {
    const reason = reasons.get(name);
    if (reason !== undefined)
      throw new PlanError(
        `node ${name} (Mul) cannot run privately: it is part of an activation that does not fit: ${reason}; ` +
          'change this and export the network again',
      );
  }
}
