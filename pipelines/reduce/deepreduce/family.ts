import type { Model } from '../../../models/graph.ts';
import { countRelus } from '../../../models/analysis/inspect.ts';
import { thinnedActivations } from '../../../models/passes/thin-relus.ts';
import { ModelError, UsageError } from '../../../src/shared/errors.ts';
import { silent, within } from '../../../src/shared/progress.ts';
import { allRelusOf } from '../polynomials/replace.ts';
import { layerEntries } from '../reduction.ts';
import type { Reduction } from '../reduction.ts';
import { trainingSample } from '../polynomials/training-sample.ts';
import { criticality } from './criticality.ts';
import type { DeepreduceOptions, StageCriticality } from './criticality.ts';
import { rankText } from './selection.ts';
import { describeScale, reshapeNetwork } from './reshape.ts';
import { stagesBy } from './stages.ts';
import { replaceStagewise } from './stagewise.ts';

/** What makes one network of the family from the original, in the paper's three steps. */
export type Moves = {
  /** The names of the stages that lose all their ReLUs, the least critical first. */
  readonly culled: readonly string[];
  readonly thinned: boolean;
  readonly alpha: number;
  readonly rho: number;
};

export type FamilyMember = {
  /** A name that is fit for a file, for example 'culled-S3-S2_thinned_alpha0.5'. */
  readonly name: string;
  readonly moves: Moves;
} & ({ readonly reduction: Reduction } | { readonly refused: string });

export type FamilyOptions = Omit<DeepreduceOptions, 'budget'> & {
  /** Factors of the channels (default: 1 and 1/2). */
  readonly alphas?: readonly number[];
  /** Factors of height and width (default: 1 and 1/2). */
  readonly rhos?: readonly number[];
  /** Tells whether the network of a name exists already, so that it is not made again. */
  readonly isMade?: (name: string) => Promise<boolean>;
};

/**
 * The family of DeepReDuce (Jha, Ghodsi, Garg, Reagen, ICML 2021). It has each number of culled stages up to
 * all but one, without and with thinning of the others, at each alpha and rho. Each network is fine-tuned
 * from the original, which is not a member itself. Members with few culled stages come first. A member that
 * does not fit the network has the reason in `refused`.
 */
export async function* deepreduceFamily(model: Model, options: FamilyOptions): AsyncGenerator<FamilyMember> {
  const full = { ...options, budget: 0 };
  const sample = trainingSample(full);
  const stages = stagesBy(model, options.deepreduce?.stages);
  const ranked = await criticality(model, stages, sample, full);
  const family = movesOf(ranked, options);
  for (const [i, moves] of family.entries()) {
    const name = memberName(moves);
    if (await options.isMade?.(name)) continue;
    const member: DeepreduceOptions = {
      ...full,
      onProgress: within(
        { phase: 'family-member', of: name, number: i + 1, count: family.length },
        options.onProgress ?? silent,
      ),
    };
    try {
      yield { name, moves, reduction: await makeMember(model, moves, ranked, member) };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      yield { name, moves, refused: error.message };
    }
  }
}

/** All combinations of moves except the original. Throws UsageError for a network without ReLUs. */
export function movesOf(
  ranked: readonly StageCriticality[],
  { alphas = [1, 0.5], rhos = [1, 0.5] }: Pick<FamilyOptions, 'alphas' | 'rhos'>,
): Moves[] {
  if (ranked.length === 0) throw new UsageError('the network has no ReLUs, so there is no family to make');
  const names = ranked.map(({ stage }) => stage.name);
  const all = names.flatMap((_, count) =>
    [false, true].flatMap((thinned) =>
      alphas.flatMap((alpha) => rhos.map((rho) => ({ culled: names.slice(0, count), thinned, alpha, rho }))),
    ),
  );
  return all.filter((moves) => memberName(moves) !== 'original');
}

export function memberName({ culled, thinned, alpha, rho }: Moves): string {
  const parts = [
    culled.length === 0 ? '' : `culled-${culled.join('-')}`,
    thinned ? 'thinned' : '',
    alpha === 1 ? '' : `alpha${alpha}`,
    rho === 1 ? '' : `rho${rho}`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'original' : parts.join('_').replaceAll(/[^\w.-]/g, '-');
}

async function makeMember(
  model: Model,
  moves: Moves,
  ranked: readonly StageCriticality[],
  options: DeepreduceOptions,
): Promise<Reduction> {
  const sample = trainingSample(options);
  const stages = stagesBy(model, options.deepreduce?.stages);
  const shaped = await reshapeNetwork(model, moves, sample);
  const layersOf = (names: readonly string[]) =>
    stages.filter(({ name }) => names.includes(name)).flatMap(({ nodes }) => nodes);
  const culled = new Set(layersOf(moves.culled));
  const thinned = moves.thinned ? thinnedActivations(model) : new Set<string>();
  const replaced = allRelusOf(shaped, [...culled, ...thinned]);
  const work = { model: shaped, teacher: model, replaced, stages, sample, recover: shaped !== model };
  const { model: tuned, history, best } = await replaceStagewise(work, options);
  const reason = (layer: string) => {
    const done = culled.has(layer)
      ? 'culled'
      : thinned.has(layer)
        ? 'thinned: every other layer of its block loses its ReLUs'
        : 'kept';
    const scale = describeScale(moves);
    return [scale, `${rankText(layer, ranked) ?? 'it had no ReLUs'}: ${done}`]
      .filter((part) => part !== '')
      .join('; ');
  };
  const relusAfter = countRelus(tuned);
  return {
    model: tuned,
    log: layerEntries(model, tuned, reason, { stages, shaped }),
    budget: relusAfter,
    relusBefore: countRelus(model),
    relusAfter,
    validationAccuracy: best.validationAccuracy,
    history,
  };
}
