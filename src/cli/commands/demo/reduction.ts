import type { Model } from '../../../../models/graph.ts';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { scaleMaps } from '../../../../models/passes/scale-maps.ts';
import type { MethodName } from '../../../../pipelines/reduce/methods.ts';
import { ModelError, UsageError } from '../../../shared/errors.ts';

/** The part of the ReLUs that the demo keeps. */
const share = 0.25;

/** Half the height and width. */
const rho = 0.5;

/** Epochs of fine-tuning by default: maps of a quarter of the size take a quarter of the time. */
const defaultEpochs = { ofSmallMaps: 12, ofWholeMaps: 4 } as const;

export type DemoReduction = {
  readonly method: MethodName;
  readonly budget: number;
  readonly epochs: number;
  readonly seed: number;
  /** The part of height and width that stays. */
  readonly rho: number;
};

/**
 * How the demo reduces a network: to DeepReDuce's smaller maps (Jha et al., ICML 2021), which keep a quarter
 * of the ReLUs and need a quarter of the products. Under today's protocol a polynomial costs more than the
 * ReLU whose place it takes, so fewer values pay and other values do not. A network whose maps cannot shrink
 * keeps their size, and gets polynomials.
 */
export function demoReduction(model: Model, epochs: number | undefined): DemoReduction {
  const canShrink = hasQuarter(model);
  const usual = canShrink ? defaultEpochs.ofSmallMaps : defaultEpochs.ofWholeMaps;
  return {
    ...{ method: 'deepreduce', budget: share, epochs: epochs ?? usual, seed: 1 },
    rho: canShrink ? rho : 1,
  };
}

/** With odd sizes more than a quarter is left; the cheapest others then become polynomials. */
function hasQuarter(model: Model): boolean {
  try {
    return countRelus(scaleMaps(model, rho)) < countRelus(model);
  } catch (error) {
    if (error instanceof ModelError || error instanceof UsageError) return false;
    throw error;
  }
}

/** For `reduce`. */
export function reduceOptions({ rho, ...options }: DemoReduction) {
  return { ...options, deepreduce: { rho } };
}

/** The same for a process of its own. */
export function reduceArguments(reduction: DemoReduction): string[] {
  return Object.entries(reduction).flatMap(([name, value]) => [`--${name}`, String(value)]);
}
