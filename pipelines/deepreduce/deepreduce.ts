import type { Model } from '../../models/graph.ts';
import { countRelus } from '../../models/inspect.ts';
import type { Sample } from '../activation-moments.ts';
import { finetune } from '../finetune.ts';
import { fairSample } from '../mitigation/fair-select.ts';
import { relusOf, usePolynomials } from '../polynomials.ts';
import type { Choice } from '../polynomials.ts';
import { layerEntries, resolveBudget } from '../reduction.ts';
import type { Reduction, ReductionOptions } from '../reduction.ts';
import { trainingSample } from '../training-sample.ts';
import { criticality } from './criticality.ts';
import type { StageCriticality } from './criticality.ts';
import { cheapest, elementCosts } from './element-costs.ts';

export type DeepreduceResult = Reduction & {
  /** Least critical first. */
  readonly criticality: readonly StageCriticality[];
};

/**
 * DeepReDuce's culling ([papers.md] A.1) with AutoReP's polynomials (B.2) for the ReLUs that go:
 *
 * 1. stages are culled, least critical first, while the count stays at or above the budget;
 * 2. in the least critical stage that is left, as many ReLUs as are over the budget go, those that cost least first: the budget
 *    is met exactly;
 * 3. the network is fine-tuned on labels and on the original's logits.
 *
 * Departures from the paper: culled ReLUs become polynomials, where the paper has identities (resnet8 on Fashion-MNIST with 33,868 of
 * its 56,448 ReLUs: 92.1 %, with identities 82.1 %); and where it thins every other layer, this method meets a budget to the ReLU. Throws UsageError for a budget that the network cannot meet.
 */
export async function deepreduce(model: Model, options: ReductionOptions): Promise<DeepreduceResult> {
  const budget = resolveBudget(model, options.budget);
  const sample = trainingSample(options);
  const ranked = await criticality(model, sample, options);
  const plan = planOf(ranked, countRelus(model) - budget);
  const choice = await chooseRelus(model, plan, (await fairSample(model, options)) ?? sample);
  const replaced = await usePolynomials(model, choice, sample);
  const { model: tuned, history, best } = await finetune(replaced, model, 'fine-tuning', options);
  return {
    model: tuned,
    log: layerEntries(model, tuned, (layer) => reasonOf(layer, plan)),
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
    if (sumOfRelus([...culled, candidate]) > surplus) break;
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

function planOf(ranked: readonly StageCriticality[], surplus: number): Plan {
  const culled = chooseCulled(ranked, surplus);
  return { ranked, culled, thinned: ranked[culled.length], count: surplus - sumOfRelus(culled) };
}

async function chooseRelus(model: Model, { culled, thinned, count }: Plan, sample: Sample): Promise<Choice> {
  const whole = relusOf(
    model,
    culled.flatMap(({ stage }) => stage.nodes),
  );
  if (thinned === undefined || count === 0) return whole;
  const costs = await elementCosts(model, thinned.stage.nodes, sample);
  return new Map([...whole, ...cheapest(costs, count)]);
}

function reasonOf(layer: string, { ranked, culled, thinned, count }: Plan): string {
  const own = ranked.find(({ stage }) => stage.nodes.includes(layer));
  if (own === undefined) return 'it had no ReLUs';
  const { stage, criticality: value } = own;
  const rank = `stage ${stage.name} is number ${ranked.indexOf(own) + 1} of ${ranked.length} from the least critical (C = ${value.toPrecision(3)})`;
  if (culled.includes(own)) return `${rank}: culled whole, to polynomials`;
  if (own === thinned && count > 0)
    return `${rank}: ${count} of its ${stage.relus} ReLUs, those that cost least, are polynomials`;
  return `${rank}: kept`;
}

function sumOfRelus(stages: readonly StageCriticality[]): number {
  return stages.reduce((sum, { stage }) => sum + stage.relus, 0);
}
