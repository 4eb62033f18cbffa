import '../../crypto/platform/node.ts';
import { loadRing } from '../../crypto/ring/kernels.ts';
import type { Ring } from '../../crypto/ring/kernels.ts';
import { layerInClear } from '../../crypto/steps/activation/clear.ts';
import { layerOf } from '../../crypto/steps/activation/layer.ts';
import type { Layer } from '../../crypto/steps/activation/layer.ts';
import type { ActivationSpec } from '../../crypto/spec.ts';
import { sizeOf } from '../../models/tensor.ts';
import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { openedOutput, outputSize, sentOf } from '../inference/answer.ts';
import { encodeInput } from '../inference/encoding.ts';
import { isLocal, runLocal, withOffset } from '../inference/local-steps.ts';
import { wireOf } from '../plan/plan.ts';
import type { Plan, Step, WireId } from '../plan/plan.ts';
import type { ServerWeights } from '../compile/quantise.ts';

export type SimulateOptions = {
  /** Model the faults of sign tests that leave bits out (default: true). If false, only rounding differs. */
  readonly faults?: boolean;
};

/**
 * Returns what clients learn of `n` images [n, C, H, W]: their logits [n, classes], or their labels [n] if
 * that is the plan's answer; a label is negative if it is of no class, as it may be far outside the
 * calibrated range. They are computed with the protocol's integers in one process: with its truncations and
 * the faults of its sign tests, but without cryptography. `rng` draws the client's shares. It leaves out an
 * error of one unit in one of 21 outputs of linear steps (`linearFaultRate`), which adds 2^-4 4^-t of the
 * variance of a truncation by t bits. Throws DataError for images that do not fit the plan.
 */
export async function simulate(
  plan: Plan,
  weights: ServerWeights,
  images: Float32Array,
  n: number,
  rng: Rng,
  options: SimulateOptions = {},
): Promise<Float32Array> {
  const ring = await loadRing();
  const size = images.length / n;
  const width = outputSize(plan);
  const answers = new Float32Array(n * width);
  for (let i = 0; i < n; i++) {
    const input = encodeInput(plan, images.subarray(i * size, (i + 1) * size));
    const shares = clientShares(plan, rng);
    const output = simulateWires(ring, plan, weights, input, shares, options).get(plan.output.wire)!;
    const own = shares(plan.output.wire);
    const sent = sentOf(
      plan,
      output.map((word, k) => word - own[k]!),
    );
    answers.set(openedOutput(plan, own, sent), i * width);
  }
  return answers;
}

/**
 * Returns the client's share of an activation's input by its wire. These shares are all of the protocol's
 * randomness that changes values.
 */
export type ClientShares = (wire: WireId) => Uint32Array;

/**
 * Draws uniform shares where the protocol does: of the input and of the outputs of linear steps and
 * activations. Those of sums, joins and selections follow from them, so that elements that are one value have
 * one share.
 */
export function clientShares(plan: Plan, rng: Rng): ClientShares {
  const writers = new Map(plan.steps.map((step) => [step.output, step]));
  const shares = new Map<WireId, Uint32Array>();
  const shareOf = (wire: WireId): Uint32Array => {
    const known = shares.get(wire);
    if (known !== undefined) return known;
    const step = writers.get(wire);
    const share =
      step === undefined || step.kind === 'linear' || step.kind === 'activation'
        ? randomWords(rng, sizeOf(wireOf(plan, wire).shape))
        : isLocal(step)
          ? runLocal(plan, step, step.inputs.map(shareOf))
          : shareOf(step.inputs[0]!);
    shares.set(wire, share);
    return share;
  };
  return shareOf;
}

/** The integers of every wire for one image, as ring elements. */
export function simulateWires(
  ring: Ring,
  plan: Plan,
  weights: ServerWeights,
  input: Uint32Array,
  shares: ClientShares,
  { faults = true }: SimulateOptions = {},
): Map<WireId, Uint32Array> {
  const wires = new Map([[plan.input.wire, input]]);
  for (const step of plan.steps) {
    const inputs = step.inputs.map((wire) => wires.get(wire)!);
    wires.set(step.output, simulateStep(ring, plan, step, inputs, weights, shares, faults));
  }
  return wires;
}

/** The integers of one step's output. */
export function simulateStep(
  ring: Ring,
  plan: Plan,
  step: Step,
  inputs: readonly Uint32Array[],
  weights: ServerWeights,
  shares: ClientShares,
  faults = true,
): Uint32Array {
  if (isLocal(step)) return runLocal(plan, step, inputs);
  const x = inputs[0]!;
  if (step.kind === 'activation') {
    const layer = gathered(step.spec);
    const tested = faults ? layer : withoutFaults(layer);
    return asUnsigned(layerInClear(tested, asSigned(x), shares(step.inputs[0]!)));
  }
  if (step.kind === 'offset') return withOffset(step, x);
  const secret = weights.get(step.id)!;
  if (step.kind === 'bias') return x.map((value, i) => value + secret.bias[i]!);
  return ring.conv(step.spec, secret.weights, x, secret.bias);
}

const layers = new WeakMap<ActivationSpec, Layer>();

/**
 * The layer of a spec, kept for the next image; gathering it again would take a quarter of an image's time.
 */
function gathered(spec: ActivationSpec): Layer {
  let layer = layers.get(spec);
  if (layer === undefined) layers.set(spec, (layer = layerOf(spec)));
  return layer;
}

function withoutFaults(layer: Layer): Layer {
  return { ...layer, spec: { ...layer.spec, relu: { ...layer.spec.relu, k: 0 } } };
}

function asSigned(words: Uint32Array): Int32Array {
  return new Int32Array(words.buffer, words.byteOffset, words.length);
}

function asUnsigned(words: Int32Array): Uint32Array {
  return new Uint32Array(words.buffer, words.byteOffset, words.length);
}
