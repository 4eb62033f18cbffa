import { bytesOnWire } from '../../crypto/channel/channel.ts';
import { linearCost, linearNoiseHeadroomBits } from '../../crypto/he/linear.ts';
import { countElements, eachKind } from '../../crypto/steps/activation/layer.ts';
import type { ByKind } from '../../crypto/spec.ts';
import { maxPlanBytes } from '../plan/codec.ts';
import { roundTrips } from '../plan/plan.ts';
import type { Plan, Step, StepKind } from '../plan/plan.ts';
import { messagesOf } from './messages.ts';
import type { Messages, PlanMessages, StepMessages } from './messages.ts';

/** Bytes with frame headers; `up` is from the client to the server. */
export type Bytes = { readonly bytes_up: number; readonly bytes_down: number };

/** What a step will cost, from the plan alone; the bytes are exact. Squares joined over layers count at the step of a batch's first. */
export type StepPrediction = {
  readonly step: number;
  readonly node: string;
  readonly kind: StepKind;
  readonly offline: Bytes;
  readonly online: Bytes;
  /** Products of a ciphertext and a plaintext, N = 4096. */
  readonly products: number;
  /** Bits by which faults of a linear step's shares that depend on its weights stay under 2^-40; undefined for other steps. */
  readonly headroomBits: number | undefined;
  readonly elements: ByKind<number>;
};

export type Prediction = {
  /** Once a session: plan, keys and base transfers. */
  readonly session: Bytes;
  readonly offline: Bytes;
  readonly online: Bytes;
  readonly rounds: number;
  readonly steps: readonly StepPrediction[];
};

/** The cost of one inference. Throws PlanError for a linear step that can't be packed. */
export function predictCost(plan: Plan, messages: PlanMessages = messagesOf(plan)): Prediction {
  const steps = plan.steps.map((step, i) => predictStep(step, messages.steps[i]!));
  return {
    session: bytesOf(messages.session),
    offline: total(steps.map((step) => step.offline)),
    online: total([bytesOf(messages.ends), ...steps.map((step) => step.online)]),
    rounds: roundTrips(plan),
    steps,
  };
}

const noElements = eachKind(() => 0);

function predictStep(step: Step, { linear, squares, circuits, online }: StepMessages): StepPrediction {
  const { id, node, kind } = step;
  return {
    ...{ step: id, node, kind },
    offline: bytesOf(linear, squares, circuits),
    online: bytesOf(online),
    products: step.kind === 'linear' ? linearCost(step.spec).products : 0,
    headroomBits: step.kind === 'linear' ? linearNoiseHeadroomBits(step.spec) : undefined,
    elements: step.kind === 'activation' ? countElements(step.spec.kinds) : noElements,
  };
}

/** The largest payload that the plan allows each way: more than that is not read. */
export function largestPayloads(plan: Plan): { up: number; down: number } {
  const { session, ends, steps } = messagesOf(plan);
  const all = [session, ends, ...steps.flatMap((step) => Object.values(step))];
  const largest = (way: keyof Messages) => Math.max(...all.flatMap((messages) => messages[way]));
  return { up: largest('up'), down: Math.max(largest('down'), maxPlanBytes) };
}

/** With frame headers. */
export function bytesOf(...messages: readonly Messages[]): Bytes {
  return {
    bytes_up: bytesOnWire(messages.flatMap(({ up }) => up)),
    bytes_down: bytesOnWire(messages.flatMap(({ down }) => down)),
  };
}

function total(parts: readonly Bytes[]): Bytes {
  return parts.reduce(
    (sum, part) => ({
      bytes_up: sum.bytes_up + part.bytes_up,
      bytes_down: sum.bytes_down + part.bytes_down,
    }),
    { bytes_up: 0, bytes_down: 0 },
  );
}
