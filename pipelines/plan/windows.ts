import { countElements } from '../../crypto/steps/activation/layer.ts';
import type { ReluSpec } from '../../crypto/spec.ts';
import { networkSteps } from './answer.ts';
import type { Plan } from './plan.ts';

/** The lowest bit that each sign test looks at, by step number, and the side on which it errs. */
export type Windows = {
  readonly k: ReadonlyMap<number, number>;
  readonly mode: ReluSpec['mode'];
};

/**
 * A layer of sign tests. Its lowest `truncate` bits are dropped by the truncation anyway, so a window without
 * them changes nothing that is kept.
 */
export type TestedLayer = {
  readonly step: number;
  readonly node: string;
  readonly relus: number;
  readonly truncate: number;
  readonly bits: number;
};

/** The layers of a plan's network with sign tests, in order. Those that compare logits must stay exact. */
export function testedLayers(plan: Plan): TestedLayer[] {
  return networkSteps(plan)
    .filter((step) => step.kind === 'activation')
    .map(({ id, node, spec }) => ({
      step: id,
      node,
      relus: countElements(spec.kinds).relu,
      truncate: spec.relu.truncate,
      bits: spec.relu.bits,
    }))
    .filter(({ relus }) => relus > 0);
}

/**
 * The largest k of a layer. The window wraps unless |x| < 2^bits - 2^k, which must hold with one bit to
 * spare.
 */
export function largestK({ bits }: TestedLayer): number {
  return Math.max(0, bits - 2);
}

/** The plan with other windows; steps that are not listed keep theirs. */
export function withWindows(plan: Plan, { k, mode }: Windows): Plan {
  const steps = plan.steps.map((step) => {
    const lowest = k.get(step.id);
    if (step.kind !== 'activation' || lowest === undefined) return step;
    const relu = { ...step.spec.relu, k: lowest, mode };
    return { ...step, spec: { ...step.spec, relu } };
  });
  return { ...plan, steps };
}
