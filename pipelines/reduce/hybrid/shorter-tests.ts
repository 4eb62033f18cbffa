import { defaultCompileOptions } from '../../compile/options.ts';
import type { Prepared } from '../../compile/served-plan.ts';
import type { Plan } from '../../plan/plan.ts';
import { testedLayers } from '../../plan/windows.ts';
import { divergenceOn, shorterPlans } from '../../simulate/shorter-tests.ts';
import type { ShorterPlan } from '../../simulate/shorter-tests.ts';
import { publishedDistillation } from '../distillation.ts';
import type { Sample } from '../polynomials/moments.ts';
import type { Pricing } from './prices.ts';
import { pricesOf } from './prices.ts';

/** Sign tests of a layer that leave out low bits, so that a small positive value may become 0. */
export type ShorterTests = {
  /** Bits above those that the layer's rounding drops anyway. */
  readonly leftOut: number;
  /** The price of an element that stays a ReLU. */
  readonly reluPrice: number;
  /** The divergence that the faults add to the answers, measured on the layer with all its ReLUs. */
  readonly loss: number;
};

/**
 * Finds the shorter sign tests of a layer that are worth a look. Returns them by falling price; a layer
 * whose sign tests are not those of ReLUs has none.
 */
export type ShorterTestsOf = (layer: string, most: number) => Promise<readonly ShorterTests[]>;

/**
 * Measures on a plan with all ReLUs what shorter sign tests of one layer save and lose. The losses are those
 * of the protocol's own integers, with its rounding and faults, against the answers of the same plan with
 * its own tests. A layer's search ends at the first length whose loss is above `most`.
 *
 * Windows are the only bits that are chosen. Coarser activations shorten the window too, but lose more:
 * fashion-resnet8 with windows of 8 bits everywhere diverges by 8.8e-5 with 8 bits of activations and 5 left
 * out, by 9.4e-5 with 6 and 3, by 1.1e-4 with 5 and 2 and by 1.8e-4 with 4 and 1, for the same bytes (512
 * images). Weights of 6 bits in place of 12 save 0.6 % of the bytes and diverge by 1.2e-3.
 */
export async function measuredTests(
  { plan, weights, model }: Prepared,
  sample: Sample,
  pricing: Pricing,
): Promise<ShorterTestsOf> {
  const divergenceOf = await divergenceOn(model, sample, publishedDistillation.temperature);
  const own = await divergenceOf(plan, weights);
  return async (layer, most) => {
    const found: ShorterTests[] = [];
    for (const shorter of plansOf(plan, layer, pricing)) {
      const loss = Math.max(0, (await divergenceOf(shorter.plan, weights)) - own);
      if (loss > most) break;
      found.push({ leftOut: shorter.leftOut, reluPrice: shorter.cost, loss });
    }
    return found;
  };
}

/** The plans in which one layer has shorter tests, by falling price of its ReLUs. */
function plansOf(plan: Plan, layer: string, pricing: Pricing): ShorterPlan[] {
  const steps = testedLayers(plan).filter(({ test, node }) => test === 'relu' && node === layer);
  if (steps.length !== 1) return [];
  const priceOf = (of: Plan) => pricesOf(of, layer, undefined, pricing).relu;
  return shorterPlans(plan, steps, defaultCompileOptions.mode, priceOf);
}

/** The price of a ReLU with the shortest test that its layer can have, whatever it loses. */
export function leastReluPrice(plan: Plan, layer: string, pricing: Pricing): number {
  return plansOf(plan, layer, pricing).at(-1)?.cost ?? pricesOf(plan, layer, undefined, pricing).relu;
}
