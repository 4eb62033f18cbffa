import type { Dataset } from '../../models/data/dataset.ts';
import { activationKinds } from '../../models/graph.ts';
import type { ActivationKind, ByActivationKind, Model, Replacement } from '../../models/graph.ts';
import { activationsOf, countRelus, inspect, stagesOf } from '../../models/analysis/inspect.ts';
import type { Stage } from '../../models/analysis/inspect.ts';
import { sizeOf } from '../../models/tensor.ts';
import type { EngineSetting } from '../../models/train/engines/index.ts';
import type { EpochEntry, TrainingWatch } from '../../models/train/fit.ts';
import type { Optimizer } from '../../models/train/optimizers.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { countByKind, namesOf } from '../../src/shared/kinds.ts';
import type { Calibration } from '../compile/calibrate.ts';
import { describeCostBudget } from '../cost/budget.ts';
import type { Budget, CostBudget } from '../cost/budget.ts';
import type { DeepreduceSettings } from './deepreduce/settings.ts';
import type { Bases } from './deepreshape/bases.ts';
import type { DeepreshapeSettings } from './deepreshape/settings.ts';
import type { Granularity } from './gates/layer-states.ts';
import type { Ranking } from './ranking.ts';
import type { MachineCosts } from '../cost/machine.ts';
import type { Bits } from '../simulate/bits-in-order.ts';
import type { ShownAgreement } from '../simulate/choose-bits.ts';
import type { FairSelection, Mitigation } from './mitigation/mitigation.ts';

/** The images of a reduction, and its seed. */
export type ReductionData = {
  readonly train: Dataset;
  /** Images that choose between epochs and measure criticality. Never the test images. */
  readonly validation: Dataset;
  /** Crop and mirror images at random during fine-tuning (default: true). */
  readonly augment?: boolean;
  /** Seed of samples, shuffles, augmentation and the weights of a new network. */
  readonly seed: number;
};

/** How a reduced network is trained. */
export type FineTuning = {
  /** Epochs of the fine-tuning after the last replacement. */
  readonly epochs: number;
  /**
   * Images in a batch (default: `batchFor` in finetune.ts; 128 for a search; all images if there are fewer).
   */
  readonly batch?: number;
  /** The peak learning rate of the last fine-tuning (default: that of its recipe in finetune.ts). */
  readonly learningRate?: number;
  /** The optimiser of fine-tuning (default: AdamW). */
  readonly optimizer?: Optimizer;
  /** The weight of ReLUPruner's loss between the maps of the network and its teacher (default: 0). */
  readonly featureLoss?: number;
  /** The weight of the penalty on large inputs of polynomials (default: 0). */
  readonly rangeLoss?: number;
  /**
   * Before the last fine-tuning, ReLUs that stay are swapped for others as long as the loss on some
   * validation images falls, with at most so many evaluations (default: 0, no swaps).
   */
  readonly polish?: number;
  /**
   * Images of the last fine-tuning, validation images included (default: `train`). The network after its
   * last epoch is then kept, and its validation accuracy is NaN.
   */
  readonly finalTrain?: Dataset;
  /** Protects groups during fine-tuning. The network after the last epoch is then kept, not the best one. */
  readonly mitigation?: Mitigation;
};

/** What ReLUs become, and how they are chosen. */
export type Replacing = {
  /** What takes a ReLU's place (default: the method's own). */
  readonly replace?: Replacement;
  /** Remove ReLUs one by one or by channels (default: 'pixel', one by one). */
  readonly granularity?: Granularity;
  /** The order in which gates start or ReLUs go (default: by divergence). */
  readonly ranking?: Ranking;
  /** Epochs of learning which ReLUs to keep (default: as many as for fine-tuning). */
  readonly searchEpochs?: number;
};

/** How much each group counts when it is decided which ReLUs go. */
export type Selecting = {
  /** Weighs groups by their loss, not by their size. */
  readonly fairSelect?: FairSelection;
};

/** What a budget in seconds or bytes needs. */
export type Costing = {
  /** The machine whose seconds are predicted (default: `defaultMachine`). */
  readonly machine?: MachineCosts;
  /** Images on which the reduced network will be calibrated when it is served. Such a budget needs them. */
  readonly calibration?: Calibration;
  /**
   * Counts the cost with the fewest bits at which this share of private answers has the label of the given
   * network (default: with the compiler's bits). Only for such a budget.
   */
  readonly agreement?: number;
};

/** Settings of the methods of these names. */
export type OwnSettings = {
  readonly deepreduce?: DeepreduceSettings;
  readonly deepreshape?: DeepreshapeSettings;
  /** Where deepreshape keeps its trained network for other budgets (default: nowhere). */
  readonly bases?: Bases;
};

/** Where the state of a reduction is kept. */
export type Keeping = {
  /** A folder for the state after each epoch. If it has one already, the reduction goes on from there. */
  readonly checkpoint?: string;
};

/** The options of all methods. options.ts says which of them each method takes. */
export type ReductionOptions = EngineSetting &
  ReductionData &
  FineTuning &
  Replacing &
  Selecting &
  Costing &
  OwnSettings &
  Keeping &
  TrainingWatch & {
    /** ReLUs to keep: a count, or a share in (0, 1). For `hybrid` also what one inference may cost. */
    readonly budget: Budget;
  };

/** The result of every method. */
export type Reduction = {
  readonly model: Model;
  /** One entry for each activation layer of `base`, or of the original network, in graph order. */
  readonly log: readonly LayerEntry[];
  /**
   * The other network that the method built, if it builds one. The counts below are then of that network.
   */
  readonly base?: Model;
  /** That network in words. */
  readonly built?: string;
  readonly budget: number;
  readonly relusBefore: number;
  readonly relusAfter: number;
  /** Accuracy in [0, 1] on the validation images, measured by the last fine-tuning. */
  readonly validationAccuracy: number;
  readonly history: readonly EpochEntry[];
  /** Only for a budget in seconds or bytes. */
  readonly cost?: PredictedCost;
};

/** The cost of one inference in seconds or bytes, predicted as the budget counts it. */
export type PredictedCost = {
  /** The budget in words. */
  readonly budget: string;
  readonly unit: CostBudget['unit'];
  readonly before: number;
  readonly after: number;
  /** The hash of the plan that costs `after`. The reduced network is served with this plan. */
  readonly planHash: string;
  /** The bits with which the plan costs that, if an agreement chose them, and the reduced network's own. */
  readonly bits?: Bits & ShownAgreement;
};

/** What the reduction did to one activation layer. The keys are those of the written report. */
export type LayerEntry = {
  readonly layer: string;
  readonly stage: string;
  readonly relus_before: number;
  /** Elements that went because their channel or place in the map was removed (default: 0). */
  readonly gone?: number;
  readonly reason: string;
} & KindColumns;

/** Keys of the log under which the elements of each kind are counted after the reduction. */
const columns = {
  relu: 'relus_after',
  identity: 'identity',
  poly: 'poly',
} as const satisfies ByActivationKind<string>;

/** `relus_after` counts ReLUs, `identity` elements that let their input through, and `poly` polynomials. */
type KindColumns = { readonly [K in ActivationKind as (typeof columns)[K]]: number };

/**
 * Reads a budget as a count of ReLUs. Throws UsageError if the network cannot meet it or meets it already,
 * and for a budget in seconds or bytes.
 */
export function resolveBudget(model: Model, budget: Budget): number {
  if (typeof budget !== 'number')
    throw new UsageError(
      `budget: ${describeCostBudget(budget)}; this method counts ReLUs, so give a count or a share, ` +
        'or use --method hybrid',
    );
  const total = countRelus(model);
  const fixed = total - stagesOf(model).reduce((sum, stage) => sum + stage.relus, 0);
  const count = budget > 0 && budget < 1 ? Math.floor(budget * total) : budget;
  if (!Number.isSafeInteger(count) || count < 0)
    throw new UsageError(`budget: expected a count of ReLUs or a share between 0 and 1, got ${budget}`);
  if (count >= total)
    throw new UsageError(`budget: expected fewer than the network's ${total} ReLUs, got ${count}`);
  if (count < fixed)
    throw new UsageError(
      `budget: expected at least the ${fixed} ReLUs of the max poolings, which stay; got ${count}`,
    );
  return count;
}

/**
 * Describes what a reduction did to each activation layer of `before`. `reasonOf` says why, by layer.
 * `shaped` is the network after its channels and maps were reshaped and before ReLUs were removed.
 */
export function layerEntries(
  before: Model,
  after: Model,
  reasonOf: (layer: string) => string,
  { stages = stagesOf(before), shaped = before }: { stages?: readonly Stage[]; shaped?: Model } = {},
): LayerEntry[] {
  const stageNames = new Map(stages.flatMap(({ name, nodes }) => nodes.map((node) => [node, name] as const)));
  const layers = new Map(inspect(before).layers.map((layer) => [layer.name, layer]));
  const sizes = new Map(inspect(shaped).layers.map((layer) => [layer.name, sizeOf(layer.output_shape)]));
  return activationsOf(before).map(({ name }) => {
    const { relus, output_shape } = layers.get(name)!;
    const size = sizes.get(name)!;
    const gone = sizeOf(output_shape) - size;
    return {
      layer: name,
      stage: stageNames.get(name)!,
      relus_before: relus,
      ...countKinds(after, name, size),
      ...(gone > 0 && { gone }),
      reason: reasonOf(name),
    };
  });
}

function countKinds(model: Model, name: string, size: number): KindColumns {
  const node = model.graph.nodes.find((n) => n.name === name);
  const whole = (kind: ActivationKind) => new Uint8Array(size).fill(activationKinds[kind]);
  const kinds =
    node === undefined
      ? whole('identity')
      : node.op === 'MixedActivation'
        ? node.attributes.kinds
        : whole('relu');
  const counts = countByKind(activationKinds, kinds);
  const entries = namesOf(columns).map((kind) => [columns[kind], counts[kind]]);
  return Object.fromEntries(entries) as KindColumns;
}
