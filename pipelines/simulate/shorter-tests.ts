import '../../crypto/platform/node.ts';
import { prg, prgSeedBytes } from '../../crypto/prg.ts';
import type { ReluSpec } from '../../crypto/spec.ts';
import { mostLeftOut } from '../../models/graph.ts';
import type { Model } from '../../models/graph.ts';
import { predict } from '../../models/runtime/run.ts';
import type { ServerWeights } from '../compile/quantise.ts';
import type { Plan } from '../plan/plan.ts';
import { largestK, withWindows } from '../plan/windows.ts';
import type { TestedLayer } from '../plan/windows.ts';
import { imagesWithin } from './agreement.ts';
import { divergence } from './divergence.ts';
import { simulate } from './simulate.ts';

/** At most so many images are simulated, and at most so many seconds of them for each plan. */
const mostImages = 128;
const secondsEach = 2;

/** How far the answers of a plan are from the model's. */
export type DivergenceOf = (plan: Plan, weights: ServerWeights) => Promise<number>;

/**
 * Measures plans of a model: the divergence of the protocol's own integers, with their rounding and faults,
 * from the float model, always with the same shares. `images` are [n, C, H, W]; the first of them are
 * simulated.
 */
export async function divergenceOn(
  model: Model,
  sample: { readonly images: Float32Array; readonly n: number },
  temperature: number,
): Promise<DivergenceOf> {
  const n = Math.min(sample.n, mostImages, imagesWithin(model, secondsEach));
  const images = sample.images.subarray(0, (sample.images.length / sample.n) * n);
  const exact = await predict(model, images, n);
  return async (plan, weights) => {
    const answers = await simulate(plan, weights, images, n, prg(new Uint8Array(prgSeedBytes)));
    return divergence(exact, answers, exact.length / n, temperature);
  };
}

/** What comes with more error must cost at most this share of what it takes the place of. */
export const worthwhile = 0.99;

/** A plan whose sign tests of one layer leave out so many low bits above those that cost nothing. */
export type ShorterPlan = { readonly leftOut: number; readonly plan: Plan; readonly cost: number };

/**
 * The plans with shorter tests in one layer, each cheaper than those before it. `steps` are the layer's;
 * `costOf` says what a plan costs.
 */
export function shorterPlans(
  plan: Plan,
  steps: readonly TestedLayer[],
  mode: ReluSpec['mode'],
  costOf: (plan: Plan) => number,
): ShorterPlan[] {
  const most = Math.min(mostLeftOut, ...steps.map((step) => largestK(step) - step.free));
  const lengths = Array.from({ length: Math.max(0, most) }, (_, i) => i + 1);
  let least = costOf(plan);
  return lengths.flatMap((leftOut) => {
    const k = new Map(steps.map(({ step, free }) => [step, free + leftOut]));
    const shorter = withWindows(plan, { k, mode });
    const cost = costOf(shorter);
    if (cost > worthwhile * least) return [];
    least = cost;
    return [{ plan: shorter, leftOut, cost }];
  });
}
