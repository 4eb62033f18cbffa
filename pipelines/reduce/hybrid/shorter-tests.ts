import '../../../crypto/platform/node.ts';
import { prg, prgSeedBytes } from '../../../crypto/prg.ts';
import { mostLeftOut } from '../../../models/graph.ts';
import { predict } from '../../../models/runtime/run.ts';
import { defaultCompileOptions } from '../../compile/options.ts';
import type { Prepared } from '../../compile/served-plan.ts';
import { largestK, testedLayers, withWindows } from '../../plan/windows.ts';
import type { TestedLayer } from '../../plan/windows.ts';
import type { Plan } from '../../plan/plan.ts';
import { imagesWithin } from '../../simulate/agreement.ts';
import { simulate } from '../../simulate/simulate.ts';
import { meanDivergence } from '../polynomials/element-losses.ts';
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

/** At most so many images are simulated, and at most so many seconds of them for each length of tests. */
const mostImages = 128;
const secondsEach = 2;

/** A shorter test must cost at most this share of the next longer one that is kept. */
const worthwhile = 0.99;

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
  const n = Math.min(sample.n, mostImages, imagesWithin(model, secondsEach));
  const images = sample.images.subarray(0, (sample.images.length / sample.n) * n);
  const exact = await predict(model, images, n);
  const classes = exact.length / n;
  const divergenceOf = async (of: Plan) =>
    meanDivergence(exact, await simulate(of, weights, images, n, prg(new Uint8Array(prgSeedBytes))), classes);
  const own = await divergenceOf(plan);
  const tested = testedLayers(plan).filter(({ test }) => test === 'relu');
  return async (layer, most) => {
    const steps = tested.filter(({ node }) => node === layer);
    const [only] = steps;
    if (only === undefined || steps.length > 1) return [];
    const found: ShorterTests[] = [];
    for (const candidate of cheaperOnes(plan, only, pricing)) {
      const loss = Math.max(0, (await divergenceOf(candidate.plan)) - own);
      if (loss > most) break;
      found.push({ leftOut: candidate.leftOut, reluPrice: candidate.reluPrice, loss });
    }
    return found;
  };
}

/** The plans with shorter tests in one layer, each with a cheaper ReLU than those before it. */
function cheaperOnes(plan: Plan, layer: TestedLayer, pricing: Pricing) {
  const lengths = Array.from(
    { length: Math.max(0, Math.min(mostLeftOut, largestK(layer) - layer.free)) },
    (_, i) => i + 1,
  );
  let least = pricesOf(plan, layer.node, undefined, pricing).relu;
  return lengths.flatMap((leftOut) => {
    const k = new Map([[layer.step, layer.free + leftOut]]);
    const shorter = withWindows(plan, { k, mode: defaultCompileOptions.mode });
    const reluPrice = pricesOf(shorter, layer.node, undefined, pricing).relu;
    if (reluPrice > worthwhile * least) return [];
    least = reluPrice;
    return [{ plan: shorter, leftOut, reluPrice }];
  });
}
