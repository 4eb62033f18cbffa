import type { Model, Replacement } from '../../../models/graph.ts';
import { activationsOf } from '../../../models/analysis/inspect.ts';
import { dropRelus } from '../../../models/passes/drop-relu.ts';
import { predict } from '../../../models/runtime/run.ts';
import { sizeOf } from '../../../models/tensor.ts';
import { PlanError } from '../../../src/shared/errors.ts';
import type { OnProgress } from '../../../src/shared/progress.ts';
import type { Sample } from '../polynomials/moments.ts';
import { meanDivergence } from '../polynomials/element-losses.ts';
import type { ElementKind } from '../../../crypto/spec.ts';
import type { Plan } from '../../plan/plan.ts';
import { allRelusOf } from '../polynomials/replace.ts';
import type { LabelledSample } from '../polynomials/training-sample.ts';
import { defaultRanking } from '../ranking.ts';
import type { Ranking } from '../ranking.ts';
import { costsBy } from '../taylor/costs.ts';
import type { LayerOptions, ReplacementOption } from './choose.ts';
import { joinLayers } from './join-layers.ts';
import { servedPlan } from '../../compile/served-plan.ts';
import { pricesOf } from './prices.ts';
import type { LayerPrices, Pricing } from './prices.ts';
import type { Serving } from './serving.ts';
import type { ShorterTestsOf } from './shorter-tests.ts';

/**
 * The replacements that are tried by default. A square costs more than an affine element offline and loses
 * less.
 */
const defaultReplacements: readonly Replacement[] = ['quadratic', 'affine'];

/** The kind of the protocol's element that each replacement becomes; the dearer one of a mixed layer. */
const elementOf: { readonly [K in Replacement]: ElementKind } = {
  none: 'affine',
  identity: 'affine',
  affine: 'affine',
  quadratic: 'square',
  mixed: 'square',
};

export type Measured = {
  readonly model: Model;
  /** The images on which distributions and losses are measured. */
  readonly sample: LabelledSample;
  /** How the losses of elements are found (default: `defaultRanking`). */
  readonly ranking?: Ranking | undefined;
  /** The only replacement that is allowed (default: the default replacements above). */
  readonly replace?: Replacement | undefined;
  readonly onProgress: OnProgress;
};

/**
 * The losses of each layer for a budget in ReLUs: each ReLU that stays costs one, and nothing else costs
 * anything. No layer vanishes.
 */
export async function countedLayers(measured: Measured): Promise<LayerOptions[]> {
  const losses = await lossesOf(measured, [measured.replace ?? 'quadratic']);
  return losses.map(({ layer, byReplacement }) => ({
    layer,
    reluPrice: 1,
    layerPrice: 0,
    vanishLoss: Infinity,
    replacements: [...byReplacement].map(([name, own]) => ({ name, losses: own, price: 0 })),
  }));
}

/** The network with plain ReLUs, and its plan. */
export type PricedBase = { readonly base: Model; readonly plan: Plan };

/** What is known of a layer before any loss is measured. */
export type PricedLayer = {
  readonly layer: string;
  readonly prices: LayerPrices;
  /** 1 for each element that is a ReLU. */
  readonly isRelu: Uint8Array;
  /** The network without the layer; undefined if the layer must stay. */
  readonly gone?: { readonly model: Model; readonly joins: boolean };
};

/** The prices of each layer with ReLUs: what its elements and the layer itself cost the protocol. */
export async function pricedLayers(
  { model, sample, onProgress }: Measured,
  { base, plan }: PricedBase,
  pricing: Pricing,
  serving: Serving,
): Promise<PricedLayer[]> {
  const relus = allRelusOf(
    model,
    activationsOf(model).map(({ name }) => name),
  );
  const layers = [...relus].filter(([, isRelu]) => isRelu.includes(1));
  const found: PricedLayer[] = [];
  for (const [done, [layer, isRelu]] of layers.entries()) {
    onProgress({ phase: 'layer-prices', done, total: layers.length, now: layer });
    // A layer can vanish only if all its elements are ReLUs.
    const gone = isRelu.includes(0) ? undefined : await withoutLayer(base, layer, sample);
    const without = gone && (await planUnlessRefused(gone.model, serving));
    const prices = pricesOf(plan, layer, without, pricing);
    found.push({ layer, prices, isRelu, ...(without && { gone }) });
  }
  return found;
}

/**
 * Adds the losses of each layer's elements, of their sign tests and of the layer's vanishing.
 *
 * The loss of a layer's vanishing is measured without training, on the network that `joinLayers` makes or,
 * if the layer's neighbours are no convolutions, with its ReLUs dropped. There an affine fit per channel,
 * which its neighbours could learn, is not used to lower it. For resnet8's last layer that would give 0.04
 * instead of 0.19 and make it vanish: at 0.45 s on wan 90.5 % of 2,080 images are then right instead of 91.3
 * %, and at 0.436 s 90.4 % instead of 90.1 % (1 + 1 epochs of 6,420 images).
 */
export async function measuredLayers(
  measured: Measured,
  priced: readonly PricedLayer[],
  testsOf: ShorterTestsOf,
): Promise<LayerOptions[]> {
  const { model, sample, onProgress } = measured;
  const losses = await lossesOf(measured, replacementsIn(measured));
  const logits = await answers(model, sample);
  const found: LayerOptions[] = [];
  for (const [done, { layer, byReplacement }] of losses.entries()) {
    onProgress({ phase: 'layer-losses', done, total: losses.length, now: layer });
    const { prices, gone } = priced.find((own) => own.layer === layer)!;
    const loss = async (network: Model) =>
      meanDivergence(logits, await answers(network, sample), classesOf(model));
    found.push({
      layer,
      reluPrice: prices.relu,
      layerPrice: prices.layer,
      vanishLoss: gone === undefined ? Infinity : await loss(gone.model),
      joins: gone?.joins ?? false,
      replacements: await optionsOf(layer, byReplacement, prices, testsOf),
    });
  }
  return found;
}

function replacementsIn({ replace }: Pick<Measured, 'replace'>): readonly Replacement[] {
  return replace === undefined ? defaultReplacements : [replace];
}

/**
 * Layers whose losses only say what loses less than what: squares less than lines, and those less than a
 * layer that vanishes. The cheapest choice is the same with these and with measured losses. Returns undefined
 * if some ReLU with its shortest sign test, of price `leastRelu`, may be cheaper than what replaces it:
 * measured losses then decide which tests there are.
 */
export function standIns(
  priced: readonly PricedLayer[],
  measured: Pick<Measured, 'replace'>,
  leastRelu: (layer: PricedLayer) => number,
): LayerOptions[] | undefined {
  const replacements = replacementsIn(measured);
  const priceOf =
    ({ prices }: PricedLayer) =>
    (name: Replacement) =>
      prices[elementOf[name]];
  const isKnown = priced.every((layer) => {
    const least = Math.min(...replacements.map(priceOf(layer)));
    return least === 0 || least <= leastRelu(layer);
  });
  if (!isKnown) return undefined;
  return priced.map((own) => ({
    layer: own.layer,
    reluPrice: own.prices.relu,
    layerPrice: own.prices.layer,
    vanishLoss: own.gone === undefined ? Infinity : (replacements.length + 1) * own.isRelu.length,
    joins: own.gone?.joins ?? false,
    replacements: replacements.map((name, i) => ({
      name,
      losses: Float64Array.from(own.isRelu, (isRelu) => (isRelu === 1 ? i + 1 : Infinity)),
      price: priceOf(own)(name),
    })),
  }));
}

/** Every replacement, with the compiler's sign tests for the ReLUs that stay and with each shorter one. */
async function optionsOf(
  layer: string,
  byReplacement: Losses['byReplacement'],
  prices: LayerPrices,
  testsOf: ShorterTestsOf,
): Promise<ReplacementOption[]> {
  const plain = [...byReplacement].map(([name, losses]) => ({
    name,
    losses,
    price: prices[elementOf[name]],
  }));
  // Tests that lose more than having no ReLU are of no use.
  const most = Math.min(...plain.map(({ losses }) => sumOfRelus(losses)));
  const shorter = await testsOf(layer, most);
  return [...plain, ...shorter.flatMap((tests) => plain.map((option) => ({ ...option, tests })))];
}

function sumOfRelus(losses: Float64Array): number {
  return losses.reduce((sum, loss) => sum + (loss === Infinity ? 0 : loss), 0);
}

async function withoutLayer(base: Model, layer: string, sample: Sample) {
  const { model, left } = await joinLayers(base, [layer], sample);
  return { model: dropRelus(model, left), joins: left.length === 0 };
}

type Losses = {
  readonly layer: string;
  readonly byReplacement: ReadonlyMap<Replacement, Float64Array>;
};

async function lossesOf(
  { model, sample, ranking = defaultRanking, onProgress }: Measured,
  replacements: readonly Replacement[],
): Promise<Losses[]> {
  const layers = activationsOf(model).map(({ name }) => name);
  const costs = new Map<Replacement, Map<string, Float64Array>>();
  for (const [done, replacement] of replacements.entries()) {
    onProgress({ phase: 'element-losses', done, total: replacements.length, now: replacement });
    costs.set(replacement, await costsBy[ranking]({ model, layers, sample, replacement }));
  }
  return [...costs.values().next().value!.keys()].map((layer) => ({
    layer,
    byReplacement: new Map([...costs].map(([replacement, own]) => [replacement, own.get(layer)!])),
  }));
}

/**
 * Plans a network. Returns undefined if, without the layer's truncation, its values need more bits than a
 * plan has.
 */
async function planUnlessRefused(model: Model, serving: Serving): Promise<Plan | undefined> {
  try {
    return await servedPlan(model, serving);
  } catch (error) {
    if (error instanceof PlanError) return undefined;
    throw error;
  }
}

function answers(model: Model, { images, n, ...setting }: Sample): Promise<Float32Array> {
  return predict(model, images, n, setting);
}

function classesOf(model: Model): number {
  return sizeOf(model.graph.outputs[0]!.shape);
}
