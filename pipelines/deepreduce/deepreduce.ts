import { pixels } from '../../models/data/dataset.ts';
import { permutation, seededUniform } from '../../models/data/seeded.ts';
import type { Model } from '../../models/graph.ts';
import { countRelus } from '../../models/inspect.ts';
import { dropRelus } from '../../models/passes/drop-relu.ts';
import { activationStatistics } from '../activation-statistics.ts';
import { finetune, recipes } from '../finetune.ts';
import { layerEntries, resolveBudget } from '../reduction.ts';
import type { Reduction } from '../reduction.ts';
import { criticality } from './criticality.ts';
import type { CriticalityOptions, StageCriticality } from './criticality.ts';
import { thinOut } from './thin-out.ts';

export type DeepreduceOptions = CriticalityOptions & {
  /** Training images over which the polynomials' distributions are measured; 512 where left out. */
  readonly calibrationImages?: number;
  /**
   * What a culled ReLU becomes: `identity` as in the paper, and where left out; `polynomial` costs a product each. ResNet8 on Fashion-MNIST
   * (92.3 % of 1,500 test images, 56,448 ReLUs), three epochs on 3,200 images: at 33,868 ReLUs 82.1 % with identities, 92.1 %
   * with polynomials; at 10,000 78.5 % with identities, while polynomials in all stages start near guessing (12,544: 80.1 %).
   */
  readonly culledTo?: 'identity' | 'polynomial';
};

export type DeepreduceResult = Reduction & {
  /** Least critical first. */
  readonly criticality: readonly StageCriticality[];
};

/**
 * DeepReDuce's culling ([papers.md] A.1), then polynomials for what is left over the budget:
 *
 * 1. stages are culled, least critical first, while the count stays at or above the budget;
 * 2. in the least critical stage that is left, as many ReLUs as are over the budget become quadratic polynomials, those with
 *    the smallest error first: the budget is met exactly;
 * 3. the network is fine-tuned on labels and on the original's logits. After culling to identity it is fine-tuned shortly before 2,
 *    for the polynomials fit distributions that must be those of a working network.
 *
 * Where the paper thins every other layer, this method meets a budget to the ReLU. Throws UsageError for a budget that the
 * network cannot meet.
 */
export async function deepreduce(model: Model, options: DeepreduceOptions): Promise<DeepreduceResult> {
  const budget = resolveBudget(model, options.budget);
  const ranked = await criticality(model, options);
  const culled = chooseCulled(ranked, countRelus(model) - budget);
  const plan = {
    ranked,
    culled,
    thinned: ranked[culled.length],
    count: countRelus(model) - budget - relusOf(culled),
  };
  const reduced = await replace(model, plan, options);
  const { model: tuned, history, best } = await finetune(reduced, model, 'fine-tuning', options);
  return {
    model: tuned,
    log: layerEntries(model, tuned, (layer) => reasonOf(layer, plan, options)),
    budget,
    relusBefore: countRelus(model),
    relusAfter: countRelus(tuned),
    validationAccuracy: best.validationAccuracy,
    history,
    criticality: ranked,
  };
}

/** The longest run of stages from the least critical one on with at most `surplus` ReLUs. */
export function chooseCulled(ranked: readonly StageCriticality[], surplus: number): StageCriticality[] {
  const culled: StageCriticality[] = [];
  for (const candidate of ranked) {
    if (relusOf([...culled, candidate]) > surplus) break;
    culled.push(candidate);
  }
  return culled;
}

type Plan = {
  readonly ranked: readonly StageCriticality[];
  readonly culled: readonly StageCriticality[];
  /** The least critical stage that is left; undefined where none is. */
  readonly thinned: StageCriticality | undefined;
  /** How many of its ReLUs become polynomials. */
  readonly count: number;
};

async function replace(model: Model, plan: Plan, options: DeepreduceOptions): Promise<Model> {
  const { culled, thinned, count } = plan;
  const culledNodes = culled.flatMap(({ stage }) => stage.nodes);
  const thinnedNodes = thinned === undefined ? [] : thinned.stage.nodes;
  if (options.culledTo === 'polynomial') {
    const statistics = await calibrate(model, options);
    const withoutCulled = thinOut(model, culledNodes, relusOf(culled), statistics);
    return thinOut(withoutCulled, thinnedNodes, count, statistics);
  }
  const dropped = dropRelus(model, culledNodes);
  if (count === 0) return dropped;
  const working = culled.length === 0 ? dropped : await recover(dropped, model, options);
  return thinOut(working, thinnedNodes, count, await calibrate(working, options));
}

async function recover(dropped: Model, teacher: Model, options: DeepreduceOptions): Promise<Model> {
  const epochs = options.criticalityEpochs ?? 1;
  const short = { ...options, epochs, learningRate: recipes.identities.learningRate };
  return (await finetune(dropped, teacher, 'recovery from culling', short)).model;
}

function calibrate(model: Model, { train, seed, threads, calibrationImages = 512 }: DeepreduceOptions) {
  const rows = permutation(train.n, seededUniform(seed, 1)).slice(0, calibrationImages);
  return activationStatistics(
    model,
    pixels(train, rows),
    rows.length,
    threads === undefined ? {} : { threads },
  );
}

function reasonOf(
  layer: string,
  { ranked, culled, thinned, count }: Plan,
  { culledTo = 'identity' }: DeepreduceOptions,
): string {
  const own = ranked.find(({ stage }) => stage.nodes.includes(layer));
  if (own === undefined) return 'it had no ReLUs';
  const { stage, criticality: value } = own;
  const rank = `stage ${stage.name} is number ${ranked.indexOf(own) + 1} of ${ranked.length} from the least critical (C = ${value.toPrecision(3)})`;
  if (culled.includes(own)) return `${rank}: culled whole, to ${culledTo}`;
  if (own === thinned && count > 0)
    return `${rank}: ${count} of its ${stage.relus} ReLUs, those with the smallest error, are polynomials`;
  return `${rank}: kept`;
}

function relusOf(stages: readonly StageCriticality[]): number {
  return stages.reduce((sum, { stage }) => sum + stage.relus, 0);
}
