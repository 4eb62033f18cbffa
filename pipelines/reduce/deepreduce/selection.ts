import type { Model, Replacement } from '../../../models/graph.ts';
import { inspect } from '../../../models/analysis/inspect.ts';
import { thinnedActivations } from '../../../models/passes/thin-relus.ts';
import type { Sample } from '../polynomials/moments.ts';
import { replacedElements } from '../../../models/passes/replaced-elements.ts';
import type { ReplacedElements } from '../../../models/passes/replaced-elements.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { allRelusOf } from '../polynomials/replace.ts';
import type { StageCriticality } from './criticality.ts';
import { cheapest, elementCosts } from '../polynomials/element-losses.ts';
import type { Thinning } from './settings.ts';
import { stageOf } from './stages.ts';

/** The ReLUs to remove so that a budget is met exactly. */
export type Selection = {
  readonly ranked: readonly StageCriticality[];
  readonly culled: readonly StageCriticality[];
  readonly thinning: Thinning;
  /** What the other stages lose, in the order in which it goes. */
  readonly cuts: readonly Cut[];
};

/** The ReLUs that some layers of a stage lose: `count` of the `relus` that these layers have. */
export type Cut = {
  readonly stage: StageCriticality;
  readonly layers: readonly string[];
  readonly relus: number;
  readonly count: number;
};

export type SelectionOptions = {
  /** The ReLUs over the budget. */
  readonly surplus: number;
  readonly thinning: Thinning;
  /** The names of the stages to cull (default: as many as the surplus allows, least critical first). */
  readonly cull?: readonly string[] | undefined;
};

/**
 * Stages are culled. From the others, least critical first, goes what is left of the surplus: from one stage
 * after the other, or by layers first from every other layer of all of them, as in the paper's thinned
 * networks. Throws UsageError for stages to cull that do not exist or have more ReLUs than the surplus.
 */
export function selectionOf(
  model: Model,
  ranked: readonly StageCriticality[],
  { surplus, thinning, cull }: SelectionOptions,
): Selection {
  const culled = cull === undefined ? chooseCulled(ranked, surplus) : namedStages(ranked, cull);
  let left = surplus - sumOfRelus(culled);
  if (left < 0)
    throw new UsageError(
      `cull: stages ${cull!.join(', ')} have ${sumOfRelus(culled)} ReLUs, but the budget removes ${surplus}`,
    );
  const groups = groupsOf[thinning](
    model,
    ranked.filter((entry) => !culled.includes(entry)),
  );
  const relusOf = new Map(inspect(model).layers.map(({ name, relus }) => [name, relus]));
  const cuts = groups.map(({ stage, layers }): Cut => {
    const relus = layers.reduce((sum, layer) => sum + relusOf.get(layer)!, 0);
    const count = Math.min(left, relus);
    left -= count;
    return { stage, layers, relus, count };
  });
  return { ranked, culled, thinning, cuts: cuts.filter(({ count }) => count > 0) };
}

type Group = Pick<Cut, 'stage' | 'layers'>;

const groupsOf: {
  readonly [K in Thinning]: (model: Model, stages: readonly StageCriticality[]) => Group[];
} = {
  elements: (_, stages) => stages.map((stage) => ({ stage, layers: stage.stage.nodes })),
  layers(model, stages) {
    const thinned = thinnedActivations(model);
    return [true, false].flatMap((isFirst) =>
      stages.map((stage) => ({
        stage,
        layers: stage.stage.nodes.filter((node) => thinned.has(node) === isFirst),
      })),
    );
  },
};

function namedStages(ranked: readonly StageCriticality[], names: readonly string[]): StageCriticality[] {
  return names.map((name) => {
    const found = ranked.find(({ stage }) => stage.name === name);
    if (found !== undefined) return found;
    throw new UsageError(
      `cull: there is no stage ${name} with ReLUs; there are ` +
        ranked.map(({ stage }) => stage.name).join(', '),
    );
  });
}

/** The longest run of stages, from the least critical one on, with at most `surplus` ReLUs. */
export function chooseCulled(ranked: readonly StageCriticality[], surplus: number): StageCriticality[] {
  const culled: StageCriticality[] = [];
  for (const candidate of ranked) {
    if (sumOfRelus([...culled, candidate]) > surplus) break;
    culled.push(candidate);
  }
  return culled;
}

function sumOfRelus(stages: readonly StageCriticality[]): number {
  return stages.reduce((sum, { stage }) => sum + stage.relus, 0);
}

/** The same stages in a network that has been reshaped since they were ranked. */
export function rankedIn(model: Model, ranked: readonly StageCriticality[]): StageCriticality[] {
  return ranked.map((entry) => ({ ...entry, stage: stageOf(model, entry.stage.name, entry.stage.nodes) }));
}

/**
 * The elements to replace. Of a cut that takes a part of its layers, those that cost least go, measured on
 * the sample with the replacement that they will get.
 */
export async function chooseRelus(
  model: Model,
  { culled, cuts }: Selection,
  replacement: Replacement,
  sample: Sample,
): Promise<ReplacedElements> {
  const whole = cuts.filter(({ count, relus }) => count === relus);
  const nodes = [...culled.map(({ stage }) => stage.nodes), ...whole.map(({ layers }) => layers)].flat();
  const parts: ReplacedElements[] = [];
  for (const { layers, count, relus } of cuts) {
    if (count === relus) continue;
    parts.push(cheapest(await elementCosts(model, layers, sample, replacement), count));
  }
  return replacedElements([allRelusOf(model, nodes), ...parts].flatMap((part) => [...part]));
}

/** The rank of a layer's stage, in words; undefined for a layer that had no ReLUs. */
export function rankText(layer: string, ranked: readonly StageCriticality[]): string | undefined {
  const own = ranked.findIndex(({ stage }) => stage.nodes.includes(layer));
  if (own === -1) return undefined;
  const { stage, criticality } = ranked[own]!;
  const place = `number ${own + 1} of ${ranked.length} from the least critical`;
  const how = Number.isNaN(criticality) ? 'in the given order' : `C = ${criticality.toPrecision(3)}`;
  return `stage ${stage.name} is ${place} (${how})`;
}

export function selectionReason(layer: string, { ranked, culled, thinning, cuts }: Selection): string {
  const rank = rankText(layer, ranked);
  if (rank === undefined) return 'it had no ReLUs';
  const isIn = (entry: StageCriticality) => entry.stage.nodes.includes(layer);
  if (culled.some(isIn)) return `${rank}: culled whole`;
  const own = cuts.filter(({ stage }) => isIn(stage));
  const count = own.reduce((sum, cut) => sum + cut.count, 0);
  if (count === 0) return `${rank}: kept`;
  const first = thinning === 'layers' ? 'those of every other layer first, then ' : '';
  const { relus } = own[0]!.stage.stage;
  return `${rank}: ${count} of its ${relus} ReLUs are replaced, ${first}those that cost least`;
}
