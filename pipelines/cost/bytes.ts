import { linearCost, linearNoiseHeadroomBits } from '../../crypto/he/linear.ts';
import { linearKeysOf } from '../inference/opened.ts';
import { publicKeyBytes, seedPartBytes } from '../../crypto/he/keys.ts';
import { choiceBytes, pointBytes } from '../../crypto/ot/base.ts';
import { blockBytes, depthsOf, leastDepth } from '../../crypto/ot/blocks.ts';
import { flipBytes } from '../../crypto/ot/reversed.ts';
import { treeDepth } from '../../crypto/ot/session.ts';
import { securityBits } from '../../crypto/ot/transfers.ts';
import { treesBytes } from '../../crypto/ot/trees.ts';
import { offlineBytes, onlinePartBytes } from '../../crypto/steps/activation/messages.ts';
import { countElements, eachKind } from '../../crypto/steps/activation/layer.ts';
import type { ActivationSpec, ByKind } from '../../crypto/spec.ts';
import { sizeOf } from '../../models/tensor.ts';
import { agreementBytes } from '../../crypto/channel/channel.ts';
import { framedBytes, partBytes } from '../../crypto/channel/parts.ts';
import { maxPlanBytes, serialisePlan } from '../plan/codec.ts';
import { activationSteps, wireOf } from '../plan/plan.ts';
import type { LinearStep, Plan, Step, StepKind, WireId } from '../plan/plan.ts';
import { answerBytes } from '../inference/answer.ts';
import { inProportion, layerTransfers, transferCounts } from '../inference/layer-transfers.ts';
import { firstBytes, meanBytes, transferFrames } from './drawing.ts';
import { frames } from './frames.ts';
import type { DirectionBytes } from './drawing.ts';
import { settingsFor } from './transfer-settings.ts';
import type { TransferSettings } from './transfer-settings.ts';

/** Bytes on the wire, with frame headers. `bytes_up` go from the client to the server. */
export type Bytes = { readonly bytes_up: number; readonly bytes_down: number };

/** The bytes of both directions. */
export function bothWays({ bytes_up, bytes_down }: Bytes): number {
  return bytes_up + bytes_down;
}

/**
 * The predicted cost of one step. It follows from the plan alone, and the bytes are exact.
 */
export type StepPrediction = {
  readonly step: number;
  readonly node: string;
  readonly kind: StepKind;
  readonly offline: Bytes;
  readonly online: Bytes;
  /** The number of products of a ciphertext and a plaintext (N = 4096). */
  readonly products: number;
  /**
   * The bits by which the noise of a linear step could still grow before its shares are wrong, depending on
   * the weights, with a probability of 2^-40. Undefined for other steps.
   */
  readonly headroomBits: number | undefined;
  readonly elements: ByKind<number>;
};

export type Prediction = {
  /** The cost of starting a session: the plan, the keys and the base oblivious transfers. */
  readonly session: Bytes;
  readonly offline: Bytes;
  readonly online: Bytes;
  readonly rounds: number;
  readonly steps: readonly StepPrediction[];
};

/**
 * Predicts the cost of a session's first inference. `steady`: of one of many, in which transfers take what
 * they take on average (default: false). Throws PlanError if a linear step cannot be packed into
 * ciphertexts.
 */
export function predictCost(
  plan: Plan,
  settings: TransferSettings = settingsFor(plan),
  steady = false,
): Prediction {
  const transfers = transferBytes(plan, settings, steady);
  const steps = plan.steps.map((step) => predictStep(step, transfers.get(step.id) ?? nothing));
  const ends = {
    bytes_up: framedBytes(4 * elementsOf(plan, plan.input.wire)),
    bytes_down: framedBytes(answerBytes(plan)),
  };
  return {
    session: sessionBytes(plan, settings),
    offline: total(steps.map((step) => step.offline)),
    online: total([ends, ...steps.map((step) => step.online)]),
    rounds: activationSteps(plan).length + 1,
    steps,
  };
}

const nothing: Bytes = { bytes_up: 0, bytes_down: 0 };
const noElements = eachKind(() => 0);

/** The bytes of the transfers of an inference, by step: each layer counts for its rows. */
export function transferBytes(plan: Plan, settings: TransferSettings, steady = false): Map<number, Bytes> {
  const layers = layerTransfers(plan);
  const counts = transferCounts(layers);
  const { depth, sources } = settings;
  const of = steady ? meanBytes : firstBytes;
  const parts = (way: 'up' | 'down', key: keyof DirectionBytes) =>
    inProportion(
      of(counts[way], { source: sources[way], depth })[key],
      layers.map((layer) => layer[way]),
    );
  // Where the client chooses, it is the one that sends first.
  const [up, down] = [
    [parts('up', 'fromChooser'), parts('down', 'fromOfferer')],
    [parts('up', 'fromOfferer'), parts('down', 'fromChooser')],
  ] as const;
  const sum = (two: readonly [number[], number[]], i: number) => two[0][i]! + two[1][i]!;
  return new Map(layers.map(({ step }, i) => [step.id, { bytes_up: sum(up, i), bytes_down: sum(down, i) }]));
}

/** `transfers`: the bytes of those that count for the step. */
function predictStep(step: Step, transfers: Bytes): StepPrediction {
  const { id, node, kind } = step;
  const head = { step: id, node, kind };
  if (step.kind === 'linear')
    return { ...head, ...linearPrediction(step), online: nothing, elements: noElements };
  if (step.kind === 'activation') {
    return { ...head, ...activationPrediction(step.spec, transfers), products: 0, headroomBits: undefined };
  }
  const free = { offline: nothing, online: nothing, products: 0, headroomBits: undefined };
  return { ...head, ...free, elements: noElements };
}

function linearPrediction({ spec }: LinearStep) {
  const { products, requestBytes, responseBytes } = linearCost(spec);
  return {
    offline: { bytes_up: framedBytes(requestBytes), bytes_down: framedBytes(responseBytes) },
    products,
    headroomBits: linearNoiseHeadroomBits(spec),
  };
}

function activationPrediction(spec: ActivationSpec, transfers: Bytes) {
  return {
    offline: total([{ bytes_up: offlineBytes(spec), bytes_down: 0 }, transfers]),
    online: {
      bytes_up: frames(...onlinePartBytes(spec).map(({ reply }) => reply)),
      bytes_down: frames(...onlinePartBytes(spec).map(({ message }) => message)),
    },
    elements: countElements(spec.kinds),
  };
}

/**
 * The frames of a session's start. The client sends hello, accept, its public keys, the key of the base
 * transfers, trees, the first rows and flips; the server sends terms, welcome (the plan), points and trees.
 * Both send their parts of the keys' seeds.
 */
function sessionBytes(plan: Plan, { depth, sources }: TransferSettings): Bytes {
  const [up, down] = [treeDepth(sources.up, depth), treeDepth(sources.down, depth)];
  const trees = (depth: number) => treesBytes(depthsOf(depth));
  const first = blockBytes(securityBits, up);
  return {
    bytes_up:
      frames(agreementBytes, agreementBytes, seedPartBytes) +
      framedBytes(publicKeyBytes(linearKeysOf(plan))) +
      frames(pointBytes, trees(up), first, flipBytes),
    bytes_down:
      frames(agreementBytes, serialisePlan(plan).byteLength, seedPartBytes) +
      frames(choiceBytes * securityBits, trees(down)),
  };
}

/**
 * No payload of a server's frame is larger, whatever the plan, in bytes: clients refuse larger ones unread.
 */
export const largestFromServer: number = Math.max(maxPlanBytes, partBytes);

/**
 * An upper bound of the payloads of a session's frames in each direction, in bytes. The server refuses larger
 * ones unread. Clients choose what transfers come from, and the depth of the trees: the least deep have the
 * longest messages.
 */
export function largestPayloads(plan: Plan): { up: number; down: number } {
  const { steps, online, session } = predictCost(plan);
  const { up, down } = transferCounts(layerTransfers(plan));
  const silent = { source: 's16', depth: leastDepth } as const;
  const [silentUp, silentDown] = [firstBytes(up, silent), firstBytes(down, silent)];
  // No part of a message is larger than all messages of its step, or than a part may be.
  const inParts = (way: keyof Bytes) =>
    Math.min(partBytes, Math.max(online[way], ...steps.map(({ offline }) => offline[way])));
  const keys = publicKeyBytes(linearKeysOf(plan));
  return {
    up: Math.max(
      ...[inParts('bytes_up'), Math.min(partBytes, keys), session.bytes_up - framedBytes(keys)],
      ...[...transferFrames(up, leastDepth), silentUp.fromChooser, silentDown.fromOfferer],
    ),
    down: Math.max(
      ...[inParts('bytes_down'), session.bytes_down, maxPlanBytes],
      ...[...transferFrames(down, leastDepth), silentDown.fromChooser, silentUp.fromOfferer],
    ),
  };
}

function total(parts: readonly Bytes[]): Bytes {
  return parts.reduce(
    (sum, part) => ({
      bytes_up: sum.bytes_up + part.bytes_up,
      bytes_down: sum.bytes_down + part.bytes_down,
    }),
    nothing,
  );
}

function elementsOf(plan: Plan, wire: WireId): number {
  return sizeOf(wireOf(plan, wire).shape);
}
