import type { Ring } from '../../crypto/ring/kernels.ts';
import { encodeInput } from '../inference/encoding.ts';
import type { Plan, WireId } from '../plan/plan.ts';
import type { ServerWeights } from '../compile/quantise.ts';
import { simulateStep } from './simulate.ts';
import type { ClientShares } from './simulate.ts';

/** How a wire's integers differ from the result of the step before it. */
export type WireCheck = {
  /** The number of wrong elements; 0 unless the protocol is broken. */
  readonly wrong: number;
  /**
   * The elements of a linear step that are one unit off, which is right for a share `linearFaultRate` of
   * them.
   */
  readonly offByOne: number;
};

/**
 * Compares the opened wires of a private run with the protocol's integers. Each step is computed from its
 * inputs **as they were**, so that a fault shows only at its own step. `shares` is the client's share of
 * every wire, which decides roundings and faults of signs.
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
