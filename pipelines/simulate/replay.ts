import type { Ring } from '../../crypto/ring/kernels.ts';
import { encodeInput } from '../inference/encoding.ts';
import type { Plan, WireId } from '../plan/plan.ts';
import type { ServerWeights } from '../compile/quantise.ts';
import { simulateStep } from './simulate.ts';
import type { ClientShares } from './simulate.ts';

/** How a wire's integers differ from what the step before it gives. */
export type WireCheck = {
  /** Elements that are something else; 0 unless the protocol is broken. */
  readonly wrong: number;
  /** Elements of a linear step that are one unit off, as `linearFaultRate` of them are. */
  readonly offByOne: number;
};

/**
 * Holds the opened wires of a private run to the protocol's integers, each step from its inputs **as they were**, so that a
 * fault shows at its own step only. `shares`: the client's share of every wire, which decides roundings and sign faults.
 */
export function replay(
  ring: Ring,
  plan: Plan,
  weights: ServerWeights,
  image: Float32Array,
  opened: ReadonlyMap<WireId, Uint32Array>,
  shares: ClientShares,
): Map<WireId, WireCheck> {
  const given = opened.get(plan.input.wire)!;
  const checks = new Map([[plan.input.wire, compared(given, encodeInput(plan, image), false)]]);
  for (const step of plan.steps) {
    const inputs = step.inputs.map((wire) => opened.get(wire)!);
    const expected = simulateStep(ring, plan, step, inputs, weights, shares);
    checks.set(step.output, compared(opened.get(step.output)!, expected, step.kind === 'linear'));
  }
  return checks;
}

function compared(words: Uint32Array, expected: Uint32Array, mayBeOff: boolean): WireCheck {
  let [wrong, offByOne] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const off = (words[i]! - expected[i]!) | 0;
    if (off === 0) continue;
    if (mayBeOff && Math.abs(off) === 1) offByOne++;
    else wrong++;
  }
  return { wrong, offByOne };
}
