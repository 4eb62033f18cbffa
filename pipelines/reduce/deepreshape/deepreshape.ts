import { hybrenet, hybrenetCounts, hybrenetName } from '../../../models/architectures/hybrenet.ts';
import type { HybrenetOptions } from '../../../models/architectures/hybrenet.ts';
import { seededRng } from '../../../models/data/seeded.ts';
import type { Model } from '../../../models/graph.ts';
import { countRelus, inspect, stagesOf } from '../../../models/analysis/inspect.ts';
import { reusedRelus } from '../../../models/passes/reuse-relus.ts';
import { engineSetting } from '../../../models/train/engines/index.ts';
import { fit } from '../../../models/train/fit.ts';
import { defined } from '../../../src/shared/defined.ts';
import * as format from '../../../src/shared/format.ts';
import { silent } from '../../../src/shared/progress.ts';
import type { OnProgress } from '../../../src/shared/progress.ts';
import { criticality } from '../deepreduce/criticality.ts';
import { deepreduce } from '../deepreduce/deepreduce.ts';
import type { DeepreduceSettings } from '../deepreduce/settings.ts';
import { publishedDistillation } from '../distillation.ts';
import { batchFor, finetune } from '../finetune.ts';
import type { FineTuningOptions } from '../finetune.ts';
import type { GateOptions } from '../gates/reduce-by-gates.ts';
import { atLowerRates } from '../lower-rates.ts';
import type { Try } from '../lower-rates.ts';
import { phaseFiles } from '../phase-files.ts';
import type { PartTraining } from '../phase-files.ts';
import { usePolynomials } from '../polynomials/replace.ts';
import { layerEntries, resolveBudget } from '../reduction.ts';
import type { OwnSettings, Reduction } from '../reduction.ts';
import { snl } from '../snl/snl.ts';
import { trainingSample } from '../polynomials/training-sample.ts';
import { baseKey } from './bases.ts';
import type { WantedBase } from './bases.ts';
import { designFor, mapStages } from './design.ts';
import { deepreshapeDefaults } from './settings.ts';
import type { Removal } from './settings.ts';

/** The options of DeepReShape, which include those of both ways to remove ReLUs. */
export type DeepreshapeOptions = GateOptions & OwnSettings;

export type DeepreshapeResult = Reduction & {
  /** The HybReNet, trained and with all its ReLUs. The log describes its layers. */
  readonly base: Model;
  readonly design: HybrenetOptions & {
    /** The names of the given network's stages, most critical first. */
    readonly order: readonly string[];
    readonly removal: Removal | 'none';
  };
};

/**
 * DeepReShape (Jha, Reagen, TMLR 2024) builds another network in place of the given one:
 *
 * 1. The criticality of the given network's stages is measured on its data.
 * 2. ReLU equalisation gives the multipliers of a HybReNet. Its base width is chosen so that it has about as
 *    many
 * multiplications as the given network.
 * 3. The HybReNet is trained from random weights on labels and the given network's logits, or taken from
 *    `bases`.
 * 4. If asked for, ReLUs are reused.
 * 5. ReLUs are removed down to the budget, by stages or one by one, and the network is fine-tuned.
 *
 * Throws UsageError for a budget that the given network cannot meet.
 */
export async function deepreshape(model: Model, options: DeepreshapeOptions): Promise<DeepreshapeResult> {
  const { baseWidth, removal: wanted, reuse } = options.deepreshape ?? {};
  const budget = resolveBudget(model, options.budget);
  const sample = trainingSample(options);
  const ranked = await criticality(model, mapStages(model), sample, options);
  const order = ranked.toReversed().map(({ stage }) => stage.name);
  const design = designFor(model, { order, budget, ...defined({ baseWidth }) });
  const base = await trainBase(design, model, options);
  const start = reuse === undefined ? base : await reused(base, reuse, options);
  const rest = { ...options, budget };
  const removal = countRelus(start) <= budget ? 'none' : (wanted ?? removalFor(base));
  const reduced = await removals[removal](start, base, rest);
  const why = new Map(reduced.log.map(({ layer, reason }) => [layer, reason]));
  const shared = reuse === undefined ? '' : `ReLUs in one of ${reuse} groups of channels; `;
  const name = hybrenetName(design.multipliers);
  return {
    ...reduced,
    base,
    built: describeBuilt(model, base, design, order),
    budget,
    relusBefore: countRelus(base),
    log: layerEntries(base, reduced.model, (layer) => `${name}: ${shared}${why.get(layer) ?? 'kept'}`),
    design: { ...design, order, removal },
  };
}

/**
 * Describes the network: 'HRN-5x5x3x of 16, 80, 400, 1200 channels for the criticality S3 > S2 > S4 > S1:
 * ...'.
 */
function describeBuilt(given: Model, base: Model, design: HybrenetOptions, order: readonly string[]): string {
  const { stages } = hybrenetCounts(design);
  const channels = stages.map((stage) => stage.channels).join(', ');
  const count = (value: number) => format.count(value);
  return (
    `${base.graph.name} of ${channels} channels for the criticality ${order.join(' > ')}: ` +
    `${count(countRelus(base))} ReLUs and ${count(inspect(base).macs)} multiplications, ` +
    `where ${given.graph.name} has ${count(countRelus(given))} and ${count(inspect(given).macs)}`
  );
}

/**
 * The peak learning rate of training from random weights, with SGD. Batches are as small as in fine-tuning:
 * four epochs of 6,420 images of Fashion-MNIST give a resnet8 83.9 %, and 80.1 % in batches of 128.
 */
const learningRate = 0.05;

/** The second network with the first one's preprocessing and names: both have the same inputs and logits. */
function describedLike({ graph: { preprocessing, classes } }: Model, { graph, weights }: Model): Model {
  return { graph: { ...graph, ...defined({ preprocessing, classes }) }, weights };
}

async function trainBase(
  design: HybrenetOptions,
  teacher: Model,
  options: FineTuningOptions & OwnSettings,
): Promise<Model> {
  const { train, validation, batch = batchFor(train), augment = true, seed, bases } = options;
  const { onProgress = silent, onStart, onNote, deepreshape: settings } = options;
  const untrained = describedLike(teacher, hybrenet(design, seededRng(seed, 2)));
  const part: PartTraining = { phase: 'base-training', of: untrained.graph.name };
  const told = {
    ...{ train, validation, distill: publishedDistillation, learningRate, augment, seed },
    epochs: settings?.pretrainEpochs ?? deepreshapeDefaults.pretrainEpochs,
    batch: Math.min(batch, train.n),
    ...engineSetting(options),
  };
  const training: WantedBase['train'] = async (files) => {
    const report: OnProgress = (event) => onProgress({ ...event, ...part });
    const work = ({ learningRate, attempt }: Try) => {
      const kept = attempt === 0 ? files : {};
      const own = {
        ...phaseFiles(part, options, attempt),
        ...kept,
        ...defined({ onStart }),
        onProgress: report,
      };
      return fit(untrained, { ...told, learningRate, teacher, ...own });
    };
    return (await atLowerRates(part, learningRate, work, defined({ onNote }))).model;
  };
  if (bases === undefined) return training({});
  return bases.obtain({ key: baseKey(untrained, teacher, told), train: training, onProgress });
}

/**
 * Applies ReLU reuse. All other elements become what `replace` says (default: identities, which as far as we
 * know is the paper's choice).
 */
async function reused(base: Model, groups: number, options: FineTuningOptions): Promise<Model> {
  const { replace = 'identity' } = options;
  const start = await usePolynomials(base, reusedRelus(base, groups), trainingSample(options), replace);
  return (await finetune(start, base, { phase: 'reuse-training' }, options)).model;
}

/**
 * Chooses how ReLUs are removed: by stages if the first stage has most of the ReLUs, else one by one (Jha,
 * Reagen, TMLR 2024).
 */
function removalFor(base: Model): Removal {
  const [first, ...others] = stagesOf(base).map(({ relus }) => relus);
  return others.every((relus) => first! > relus) ? 'coarse' : 'fine';
}

type Remove = (model: Model, teacher: Model, options: DeepreshapeOptions) => Promise<Reduction>;

const removals: { readonly [K in Removal | 'none']: Remove } = {
  coarse(model, _, options) {
    const { criticality: form, criticalityEpochs, thinning } = options.deepreduce ?? {};
    // Stages and scales are left out, because they describe the given network.
    const settings: DeepreduceSettings = defined({ criticality: form, criticalityEpochs, thinning });
    return deepreduce(model, { ...options, deepreduce: settings });
  },
  fine: (model, _, options) => snl(model, options),
  async none(model, teacher, options) {
    const { model: tuned, history, best } = await finetune(model, teacher, { phase: 'fine-tuning' }, options);
    const [relusBefore, relusAfter] = [countRelus(model), countRelus(tuned)];
    const { validationAccuracy } = best;
    const log = layerEntries(model, tuned, () => 'kept');
    return {
      model: tuned,
      log,
      budget: relusAfter,
      relusBefore,
      relusAfter,
      validationAccuracy,
      history,
    };
  },
};
