import { defaultWeightCacheBytes, linearCost } from '../../crypto/he/linear.ts';
import { weightSpace } from '../../crypto/he/engine.ts';
import { productTransfers } from '../../crypto/products/products.ts';
import { countElements, kindsInOrder } from '../../crypto/steps/activation/layer.ts';
import { clientTransfers, serverTransfers } from '../../crypto/steps/activation/messages.ts';
import { windowBits } from '../../crypto/steps/activation/window.ts';
import { stringBytes, transfersOf } from '../../crypto/sign/batch.ts';
import { outputElements, outputSize } from '../../crypto/spec.ts';
import type { ActivationSpec, ByKind, LinearSpec } from '../../crypto/spec.ts';
import { sizeOf } from '../../models/tensor.ts';
import { activationParts, hashingParts } from './machine.ts';
import type { ActivationPart, ElementCosts, MachineCosts } from './machine.ts';
import { wireOf } from '../plan/plan.ts';
import type { Plan, Step } from '../plan/plan.ts';
import { layerTransfers, transferCounts } from '../inference/layer-transfers.ts';
import { firstSeconds, meanSeconds } from './drawing.ts';
import type { DirectionSeconds } from './drawing.ts';
import type { TransferSettings } from './transfer-settings.ts';

/** The processor seconds of a request, its answer and its decryption under homomorphic encryption. */
export type Exchange = { readonly encrypt: number; readonly respond: number; readonly decrypt: number };

/** The processor seconds of one step on one thread. */
export type StepWork = {
  readonly linear: Exchange | undefined;
  readonly activation: Readonly<Record<ActivationPart, number>> | undefined;
  /** The server's local work in the online phase, except that of activations. */
  readonly local: number;
};

export type WorkOptions = {
  /** Whether this is a server's first inference, which also transforms the weights. */
  readonly first: boolean;
  /** Whether it is one of many of a session, in which transfers take what they take on average. */
  readonly steady: boolean;
  readonly transfers: TransferSettings;
  /** Bytes of transformed weights that the server keeps (default: `defaultWeightCacheBytes`). */
  readonly weightBytes?: number | undefined;
};

/** The work of each step of a plan on a machine. It follows from the public sizes in the plan. */
export function workOf(plan: Plan, machine: MachineCosts, options: WorkOptions): StepWork[] {
  const share = transformedShare(plan, options);
  const draw = drawingOf(plan, machine, options);
  return plan.steps.map((step) => ({
    linear: step.kind === 'linear' ? linearWork(step.spec, machine, share) : undefined,
    activation: step.kind === 'activation' ? activationWork(step.spec, machine, draw) : undefined,
    local: localWork(plan, step, machine),
  }));
}

/**
 * The share of the weights that an inference transforms itself: all of them in the first inference, later
 * those for which the cache has no room.
 */
function transformedShare(plan: Plan, { first, weightBytes = defaultWeightCacheBytes }: WorkOptions): number {
  if (first) return 1;
  const kept = Math.floor(weightBytes / weightSpace);
  const tiles = plan.steps.reduce(
    (sum, step) => sum + (step.kind === 'linear' ? linearCost(step.spec).products : 0),
    0,
  );
  return Math.max(0, tiles - kept) / Math.max(1, tiles);
}

function linearWork(spec: LinearSpec, { linear }: MachineCosts, share: number): Exchange {
  const { products, requestCiphertexts, responseCiphertexts } = linearCost(spec);
  return {
    encrypt: linear.encryptInput * requestCiphertexts,
    respond:
      linear.layer +
      linear.readInput * requestCiphertexts +
      (linear.product + share * linear.transformWeight) * products +
      linear.respondOutput * responseCiphertexts,
    decrypt: linear.decryptOutput * responseCiphertexts,
  };
}

/** Seconds that each party draws a transfer of each direction in, if transfers share them equally. */
type DrawingCosts = Readonly<Record<'up' | 'down', DirectionSeconds>>;

function drawingOf(plan: Plan, { transfers }: MachineCosts, options: WorkOptions): DrawingCosts {
  const counts = transferCounts(layerTransfers(plan));
  const { depth, sources } = options.transfers;
  const each = (way: 'up' | 'down'): DirectionSeconds => {
    const of = options.steady ? meanSeconds : firstSeconds;
    const { chooser, offerer } = of(counts[way], { source: sources[way], depth }, transfers);
    const count = Math.max(1, counts[way]);
    return { chooser: chooser / count, offerer: offerer / count };
  };
  return { up: each('up'), down: each('down') };
}

function activationWork(
  spec: ActivationSpec,
  { activation }: MachineCosts,
  draw: DrawingCosts,
): Record<ActivationPart, number> {
  const counts = countElements(spec.kinds);
  const of = (part: ActivationPart) => {
    const { square, ...rest } = activation[part];
    const hashed = hashingParts.has(part) ? productTransfers * rest.transfer : 0;
    const costs = { ...rest, square: square + hashed };
    return kindsInOrder.reduce((sum, kind) => sum + secondsOf[kind](counts[kind], costs, spec), 0);
  };
  const own = Object.fromEntries(activationParts.map((part) => [part, of(part)])) as Record<
    ActivationPart,
    number
  >;
  const [up, down] = [clientTransfers(spec), serverTransfers(spec)];
  return {
    ...own,
    clientKeys: own.clientKeys + up * draw.up.chooser + down * draw.down.offerer,
    serverKeys: own.serverKeys + up * draw.up.offerer + down * draw.down.chooser,
  };
}

const secondsOf: ByKind<(count: number, costs: ElementCosts, spec: ActivationSpec) => number> = {
  relu: (n, { relu, transfer, string }, spec) => {
    const bits = windowBits(spec.relu);
    return n * (relu + transfer * transfersOf(bits)) + string * stringBytes(bits, n);
  },
  affine: (n, { affine }) => affine * n,
  square: (n, { square }) => square * n,
};

function localWork(plan: Plan, step: Step, { ring }: MachineCosts): number {
  if (step.kind === 'activation' || step.kind === 'reshape') return 0;
  if (step.kind !== 'linear') return ring.element * sizeOf(wireOf(plan, step.output).shape);
  return ring.multiplication * registerMultiplications(step.spec) + ring.element * outputElements(step.spec);
}

/**
 * The number of multiplications of the server's convolution. crypto/ring/kernels.ts computes whole rows of
 * the padded image in registers of 16 columns.
 */
export function registerMultiplications(spec: LinearSpec): number {
  const [rows, columns] = outputSize(spec);
  const rowWords = Math.ceil((spec.width + spec.pads[1] + spec.pads[3]) / spec.strides[1]);
  const taps = (spec.inChannels / spec.group) * spec.kernel[0] * spec.kernel[1];
  return spec.outChannels * taps * 16 * Math.ceil(((rows - 1) * rowWords + columns) / 16);
}
