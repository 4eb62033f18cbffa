import { countElements } from '../../crypto/steps/activation/layer.ts';
import type { ReluSpec } from '../../crypto/spec.ts';
import { networkSteps } from './answer.ts';
import type { Plan, Step } from './plan.ts';

/** The lowest bit that each sign test looks at, by step number, and the side on which it errs. */
export type Windows = {
  readonly k: ReadonlyMap<number, number>;
  readonly mode: ReluSpec['mode'];
};

/** A layer of sign tests. */
export type TestedLayer = {
  readonly step: number;
  readonly node: string;
  /** A ReLU of the network, or a comparison of two values in a maximum pool. */
  readonly test: 'relu' | 'comparison';
  readonly relus: number;
  /**
   * The low bits that can be left out at no cost. For a ReLU, those that its truncation drops anyway, so
   * that nothing changes that is kept. For a comparison, those that the compiled plan leaves out.
   */
  readonly free: number;
  readonly bits: number;
};

/** The layers of a plan's network with sign tests, in order. Those that compare logits must stay exact. */
export function testedLayers(plan: Plan): TestedLayer[] {
  const differences = new Set(plan.steps.filter(isDifference).map(({ output }) => output));
  return networkSteps(plan)
    .filter((step) => step.kind === 'activation')
    .map(({ id, node, inputs, spec: { kinds, relu } }) => {
      const isComparison = differences.has(inputs[0]!);
      return {
        step: id,
        node,
        test: isComparison ? ('comparison' as const) : ('relu' as const),
        relus: countElements(kinds).relu,
        free: isComparison ? relu.k : relu.truncate,
        bits: relu.bits,
      };
    })
    .filter(({ relus }) => relus > 0);
}

/** Whether a step subtracts elements of a wire from others of it, as a maximum does before its sign test. */
function isDifference(step: Step): boolean {
  return step.kind === 'combine' && step.sign === -1 && step.inputs[0] === step.inputs[1];
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
