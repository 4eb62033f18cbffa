import { defaultCompileOptions } from '../../../pipelines/compile/options.ts';
import { lowerLabel } from '../../../pipelines/compile/lower/label.ts';
import { PlanBuilder } from '../../../pipelines/compile/plan-builder.ts';
import { planVersion } from '../../../pipelines/plan/plan.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';

/** A plan without a network: its input are the logits, |logit| < 2^bits, and its answer is their label. */
export function labelPlan(classes: number, bits: number, shape: readonly number[] = [classes]): Plan {
  const nothing = { largestWeight: new Map(), coefficients: new Map(), slopes: new Map() };
  const builder = new PlanBuilder(new Map(), new Map(), nothing, defaultCompileOptions);
  const logits = builder.exactWire({ shape, scale: 1, bits });
  const wire = lowerLabel(builder, logits);
  return {
    version: planVersion,
    name: 'label',
    input: { wire: logits },
    output: { answer: 'label', wire, logits },
    wires: builder.wires,
    steps: builder.steps,
  };
}
