import { linearKeys } from '../../crypto/he/keys.ts';
import { sizeOf } from '../../models/tensor.ts';
import { wireOf } from '../plan/plan.ts';
import { openedBits } from '../plan/answer.ts';
import type { Plan } from '../plan/plan.ts';

/** The linear steps whose shares go into the output without an activation between, by their ids. */
export function openedSteps(plan: Plan): ReadonlySet<number> {
  const wires = new Set([plan.output.wire]);
  const steps = new Set<number>();
  for (const step of plan.steps.toReversed()) {
    if (!wires.has(step.output) || step.kind === 'activation') continue;
    if (step.kind === 'linear') steps.add(step.id);
    else for (const wire of step.inputs) wires.add(wire);
  }
  return steps;
}

/** The public keys of linear layers that a session of this plan needs. */
export function linearKeysOf(plan: Plan): number {
  return linearKeys(sizeOf(wireOf(plan, plan.output.wire).shape), openedBits(plan));
}
