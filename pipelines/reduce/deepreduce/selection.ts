import type { Model } from '../../../models/graph.ts';
import { thinnedActivations } from '../../../models/passes/thin-relus.ts';
import type { Sample } from '../polynomials/moments.ts';
import { replacedElements } from '../../../models/passes/replaced-elements.ts';
import type { ReplacedElements } from '../../../models/passes/replaced-elements.ts';
import { allRelusOf } from '../polynomials/replace.ts';
import type { StageCriticality } from './criticality.ts';
import { cheapest, elementCosts } from '../polynomials/element-losses.ts';
import type { Thinning } from './settings.ts';
import { stageOf } from './stages.ts';

/** The ReLUs to remove so that a budget is met exactly. */
export type Selection = {
  readonly ranked: readonly StageCriticality[];
  readonly culled: readonly StageCriticality[];
  /** The least critical stage that keeps ReLUs; undefined if none does. */
  readonly thinned: StageCriticality | undefined;
  /** How many ReLUs that stage loses. */
  readonly count: number;
};

export function selectionOf(ranked: readonly StageCriticality[], surplus: number): Selection {
  const culled = chooseCulled(ranked, surplus);
  return { ranked, culled, thinned: ranked[culled.length], count: surplus - sumOfRelus(culled) };
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

/** The elements to replace. Costs are measured on the sample. */
export async function chooseRelus(
  model: Model,
  { culled, thinned, count }: Selection,
  thinning: Thinning,
  sample: Sample,
): Promise<ReplacedElements> {
  const nodes = culled.flatMap(({ stage }) => stage.nodes);
  const whole = allRelusOf(model, nodes);
  if (thinned === undefined || count === 0) return whole;
  const costs = await elementCosts(model, thinned.stage.nodes, sample);
  return replacedElements([...whole, ...parts[thinning](model, costs, count)]);
}

type Part = (model: Model, costs: ReadonlyMap<string, Float64Array>, count: number) => ReplacedElements;

const parts: { readonly [K in Thinning]: Part } = {
  elements: (_, costs, count) => cheapest(costs, count),
  layers(model, costs, count) {
    const thinned = thinnedActivations(model);
    const [first, rest] = [true, false].map((isFirst) => {
      return new Map([...costs].filter(([layer]) => thinned.has(layer) === isFirst));
    }) as [Map<string, Float64Array>, Map<string, Float64Array>];
    const size = [...first.values()].flatMap((c) => [...c]).filter((c) => c !== Infinity).length;
    const taken = Math.min(count, size);
    return replacedElements([...cheapest(first, taken), ...cheapest(rest, count - taken)]);
  },
};

/** The rank of a layer's stage, in words; undefined for a layer that had no ReLUs. */
export function rankText(layer: string, ranked: readonly StageCriticality[]): string | undefined {
  const own = ranked.findIndex(({ stage }) => stage.nodes.includes(layer));
  if (own === -1) return undefined;
  const { stage, criticality } = ranked[own]!;
  const place = `number ${own + 1} of ${ranked.length} from the least critical`;
  return `stage ${stage.name} is ${place} (C = ${criticality.toPrecision(3)})`;
}

export function selectionReason(
  layer: string,
  { ranked, culled, thinned, count }: Selection,
  thinning: Thinning,
): string {
  const rank = rankText(layer, ranked);
  if (rank === undefined) return 'it had no ReLUs';
  const isIn = (entry: StageCriticality | undefined) => entry?.stage.nodes.includes(layer) === true;
  if (culled.some(isIn)) return `${rank}: culled whole`;
  if (!isIn(thinned) || count === 0) return `${rank}: kept`;
  const first = thinning === 'layers' ? 'those of every other layer first, then ' : '';
  return `${rank}: ${count} of its ${thinned!.stage.relus} ReLUs are replaced, ${first}those that cost least`;
}
