import type { ReluSpec } from '../../crypto/spec.ts';
import type { CompileOptions } from '../compile/options.ts';
import type { ServerWeights } from '../compile/quantise.ts';
import { bothWays, predictCost } from '../cost/bytes.ts';
import { settingsFor } from '../cost/transfer-settings.ts';
import type { Plan } from '../plan/plan.ts';
import { wireOf } from '../plan/plan.ts';
import { largestK, testedLayers, withWindows } from '../plan/windows.ts';
import type { TestedLayer } from '../plan/windows.ts';
import { shorterPlans, worthwhile } from './shorter-tests.ts';
import type { DivergenceOf } from './shorter-tests.ts';

/** The bits of a plan, and what the sign tests of its layers leave out (default: as the graph says). */
export type Bits = Pick<CompileOptions, 'activationBits' | 'weightBits'> &
  Partial<Pick<CompileOptions, 'leftOut'>>;

/** A plan of the same bits for all layers. */
export type WholePlan = { readonly bits: Bits; readonly plan: Plan; readonly weights: ServerWeights };

/** Bits, what an answer takes with them, and how far answers are expected to be from the model's. */
export type BitsStep = { readonly bits: Bits; readonly bytes: number; readonly divergence: number };

/**
 * A step has at most so many times the divergence of the one before, and at least this share of its bytes,
 * where a plan has both: steps of less could hardly be told from each other by labels, and each takes a
 * simulation of many images; of larger ones, the first that fails would take too much with it.
 */
const fartherEachTime = 2;
const cheaperEachTime = 0.95;

/** A layer that alone diverges by more than this is not shortened further. */
const mostAdded = 0.1;

/**
 * Plans of ever fewer bytes, from the first of `wholes` on. In each of them the sign tests are shortened
 * layer by layer, each time those of the layer that saves most bytes for the divergence that it adds; of all
 * plans found so, those are kept that no other undercuts in both. Wholes are given from the most exact one
 * on.
 *
 * Divergences are sums: a whole plan's own, and what each layer's shorter tests alone add to the first one.
 * On fashion-resnet8 the sum is 0.8 to 1.4 times what all of them together are found to add.
 */
export async function bitsInOrder(
  wholes: readonly WholePlan[],
  mode: ReluSpec['mode'],
  divergenceOf: DivergenceOf,
): Promise<BitsStep[]> {
  const addedBy = faultsOn(wholes[0]!, mode, divergenceOf);
  const found: BitsStep[] = [];
  for (const whole of wholes) found.push(...(await pathOf(whole, { mode, divergenceOf, addedBy })));
  return thinned(found);
}

/**
 * What the shorter tests of a layer add, which leave out what is below 2^height in the layer's real values.
 */
type AddedBy = (node: string, height: number) => Promise<number>;

/** Measured in the most exact plan, once for each length. */
function faultsOn({ plan, weights }: WholePlan, mode: ReluSpec['mode'], divergenceOf: DivergenceOf): AddedBy {
  const own = divergenceOf(plan, weights);
  const known = new Map<string, Promise<number>>();
  const layers = layersOf(plan);
  const measured = async (steps: readonly TestedLayer[], more: number): Promise<number> => {
    if (steps.some((step) => step.free + more > largestK(step))) return Infinity;
    const k = new Map(steps.map(({ step, free }) => [step, free + more]));
    return Math.max(0, (await divergenceOf(withWindows(plan, { k, mode }), weights)) - (await own));
  };
  const lengthOf = (node: string, more: number): Promise<number> => {
    const key = `${more} ${node}`;
    const length = known.get(key) ?? measured(layers.get(node)!, more);
    known.set(key, length);
    return length;
  };
  return async (node, height) => {
    const more = Math.round(height - heightOf(plan, layers.get(node)![0]!));
    return more <= 0 ? 0 : lengthOf(node, more);
  };
}

/** Real values of an activation's input below 2^height are those of its low bits that cost nothing. */
function heightOf(plan: Plan, { step, free }: TestedLayer): number {
  const { inputs } = plan.steps.find(({ id }) => id === step)!;
  return free - Math.log2(wireOf(plan, inputs[0]!).scale);
}

/** The sign tests of a plan's layers by node. */
function layersOf(plan: Plan): Map<string, TestedLayer[]> {
  return Map.groupBy(testedLayers(plan), ({ node }) => node);
}

/** A length of a layer's tests: the bytes that it saves, and the divergence that it adds. */
type Length = { readonly leftOut: number; readonly saved: number; readonly added: number };

/** What is the same for all whole plans. */
type Ordering = {
  readonly mode: ReluSpec['mode'];
  readonly divergenceOf: DivergenceOf;
  readonly addedBy: AddedBy;
};

/** The plan itself, and then with shorter tests in one layer more each time. */
async function pathOf({ bits, plan, weights }: WholePlan, ordering: Ordering): Promise<BitsStep[]> {
  const [own, whole] = [await ordering.divergenceOf(plan, weights), bytesOf(plan)];
  const lengths = new Map<string, Length[]>();
  for (const [node, steps] of layersOf(plan)) lengths.set(node, await lengthsOf(plan, node, steps, ordering));
  const taken = new Map<string, Length>();
  const path: BitsStep[] = [{ bits, bytes: whole, divergence: own }];
  // What the plan's own rounding hides tells no layer from another.
  const floor = Math.max(own / 100, Number.MIN_VALUE);
  for (let next = best(lengths, taken, floor); next !== undefined; next = best(lengths, taken, floor)) {
    taken.set(...next);
    const all = [...taken];
    path.push({
      bits: { ...bits, leftOut: Object.fromEntries(all.map(([node, { leftOut }]) => [node, leftOut])) },
      bytes: all.reduce((sum, [, { saved }]) => sum - saved, whole),
      divergence: all.reduce((sum, [, { added }]) => sum + added, own),
    });
  }
  return path;
}

/** The lengths of a layer's tests that are worth a look, up to the first that adds too much. */
async function lengthsOf(
  plan: Plan,
  node: string,
  steps: readonly TestedLayer[],
  { mode, addedBy }: Ordering,
): Promise<Length[]> {
  const costOf = layerCost(plan, node);
  const [before, height] = [costOf(plan), heightOf(plan, steps[0]!)];
  const found: Length[] = [];
  for (const { leftOut, cost } of shorterPlans(plan, steps, mode, costOf)) {
    const added = await addedBy(node, height + leftOut);
    if (added > mostAdded) break;
    found.push({ leftOut, saved: before - cost, added });
  }
  return found;
}

/** The layer, and how long its tests become, that saves most bytes for what it adds. */
function best(
  lengths: ReadonlyMap<string, readonly Length[]>,
  taken: ReadonlyMap<string, Length>,
  floor: number,
): [string, Length] | undefined {
  let [found, most]: [[string, Length] | undefined, number] = [undefined, 0];
  for (const [node, all] of lengths) {
    const now = taken.get(node) ?? { leftOut: 0, saved: 0, added: 0 };
    for (const length of all.filter(({ leftOut }) => leftOut > now.leftOut)) {
      const gain = (length.saved - now.saved) / Math.max(floor, length.added - now.added);
      if (gain > most) [found, most] = [[node, length], gain];
    }
  }
  return found;
}

/** The first step, and then each time the cheapest that is not much farther. */
function thinned(found: readonly BitsStep[]): BitsStep[] {
  const kept = [found[0]!];
  const left = found.slice(1).sort((a, b) => a.divergence - b.divergence);
  for (;;) {
    const last = kept.at(-1)!;
    const cheaper = left.filter(({ bytes }) => bytes <= worthwhile * last.bytes);
    if (cheaper.length === 0) return kept;
    const near = cheaper.filter(
      ({ bytes, divergence }) =>
        bytes >= cheaperEachTime * last.bytes && divergence <= fartherEachTime * last.divergence,
    );
    kept.push(near.length === 0 ? cheaper[0]! : near.reduce((a, b) => (b.bytes < a.bytes ? b : a)));
  }
}

/** The bytes of a layer. All plans are priced with the transfers that a session of the given one takes. */
function layerCost(plan: Plan, layer: string): (of: Plan) => number {
  const transfers = settingsFor(plan);
  return (of) => {
    const own = { ...of, steps: of.steps.filter(({ node }) => node === layer) };
    const { steps } = predictCost(own, transfers, true);
    return steps.reduce((sum, { offline, online }) => sum + bothWays(offline) + bothWays(online), 0);
  };
}

/** What an answer takes in both phases and directions. */
export function bytesOf(plan: Plan): number {
  const { offline, online } = predictCost(plan);
  return bothWays(offline) + bothWays(online);
}
