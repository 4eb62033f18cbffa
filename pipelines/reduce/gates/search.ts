import type { Model, PolynomialForm } from '../../../models/graph.ts';
import type { Controller } from '../../../models/train/controller.ts';
import { engineSetting } from '../../../models/train/engines/index.ts';
import type { EngineSetting } from '../../../models/train/engines/index.ts';
import { fit } from '../../../models/train/fit.ts';
import type { TrainingWatch } from '../../../models/train/fit.ts';
import { adamW } from '../../../models/train/optimizers.ts';
import type { Penalty } from '../../../models/train/penalty.ts';
import type { Bounds } from '../../../models/train/step.ts';
import { defined } from '../../../src/shared/defined.ts';
import { silent } from '../../../src/shared/progress.ts';
import { publishedDistillation } from '../distillation.ts';
import { atLowerRates } from '../lower-rates.ts';
import type { Try } from '../lower-rates.ts';
import { withImageWeights } from '../mitigation/baselines.ts';
import { selectionWeights } from '../mitigation/fair-select.ts';
import { linesHeld } from '../polynomials/lines.ts';
import { phaseFiles } from '../phase-files.ts';
import type { PartTraining, PhaseRecord } from '../phase-files.ts';
import type { FineTuning, ReductionData, Replacing, Selecting } from '../reduction.ts';
import { gatedNodes, gateWeights } from './gates.ts';

export type Search = {
  /** The network whose logits the search distils from. */
  readonly teacher: Model;
  readonly penalties: readonly Penalty[];
  readonly controller: Controller;
  /** How far the number behind a gate can go in the whole search if its gradient keeps one sign. */
  readonly travel: number;
  /** The smallest and the largest number behind a gate (default: no bounds). */
  readonly bounds?: Bounds;
};

const work: PartTraining = { phase: 'gate-search' };

/** The options that decide how many steps a search takes. */
export type SearchLength = Pick<ReductionData, 'train'> &
  Pick<FineTuning, 'epochs' | 'batch'> &
  Pick<Replacing, 'searchEpochs'>;

/** The options of a search. */
export type SearchOptions = EngineSetting &
  ReductionData &
  SearchLength &
  Selecting &
  PhaseRecord &
  TrainingWatch;

/** The learning rate of weights and polynomials. */
const weightsRate = 0.001;

/**
 * Trains a network with gates, the gates and the weights together, and returns the network after the last
 * epoch. With `fairSelect` each image weighs by the loss of its group.
 */
export async function searchGates(
  gated: Model,
  { teacher, penalties, controller, travel, bounds }: Search,
  options: SearchOptions,
): Promise<Model> {
  const { train, validation, augment = true, seed, onProgress = silent, onStart, onNote } = options;
  const gates = new Set<string>(gatedNodes(gated).map(({ name }) => gateWeights(name).gate));
  const isTrained = trainedWeights(gated);
  const lines = linesHeld(
    gated,
    gatedNodes(gated).map(({ name }) => gateWeights(name).c2),
  );
  const weights = await selectionWeights(teacher, train, options);
  const steered = weights === undefined ? controller : withImageWeights(controller, weights);
  const search = ({ learningRate, attempt }: Try) =>
    fit(gated, {
      train,
      validation,
      teacher,
      distill: publishedDistillation,
      optimizer: adamW({ weightDecay: 0 }),
      learningRate,
      schedule: 'constant',
      // At a lower rate of the weights, gates go less far too.
      rateOf: (name) => (gates.has(name) ? travel / stepsOf(options) / weightsRate : 1),
      boundsOf: (name: string) => (gates.has(name) ? bounds : lines.get(name)),
      trainable: isTrained,
      penalties,
      controller: steered,
      keep: 'last',
      epochs: epochsOf(options),
      batch: batchOf(options),
      augment,
      seed,
      ...engineSetting(options),
      ...defined({ onStart }),
      ...phaseFiles(work, options, attempt),
      onProgress: (event) => onProgress({ ...event, ...work }),
    });
  const watch = { controller: steered, ...defined({ onNote }) };
  return (await atLowerRates(work, weightsRate, search, watch)).model;
}

/** The number of steps of the whole search. */
export function stepsOf(options: SearchLength): number {
  return epochsOf(options) * Math.floor(options.train.n / batchOf(options));
}

function epochsOf({ searchEpochs, epochs }: SearchLength): number {
  return searchEpochs ?? epochs;
}

function batchOf({ batch = 128, train }: SearchLength): number {
  return Math.min(batch, train.n);
}

/** The coefficients that a replacement keeps as they are. */
const fixedCoefficients: { readonly [K in PolynomialForm]: readonly ('c2' | 'c1' | 'c0')[] } = {
  none: ['c2', 'c1', 'c0'],
  identity: ['c2', 'c1', 'c0'],
  affine: ['c2'],
  quadratic: [],
};

/**
 * Makes the test for which weights are trained in the search and afterwards: all but the coefficients that
 * their replacement fixes.
 */
export function trainedWeights(gated: Model): (weight: string) => boolean {
  const fixed = new Set(
    gatedNodes(gated).flatMap(({ name, attributes }) =>
      fixedCoefficients[attributes.replacement].map((key) => gateWeights(name)[key]),
    ),
  );
  return (weight) => !(fixed as ReadonlySet<string>).has(weight);
}
