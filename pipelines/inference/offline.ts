import type { OtClient, OtServer } from '../../crypto/ot/session.ts';
import { partCount } from '../../crypto/channel/parts.ts';
import { tablesBytes } from '../../crypto/steps/activation/messages.ts';
import {
  clientChosenKeys,
  clientOfferedKeys,
  serverChosenKeys,
  serverOfferedKeys,
} from '../../crypto/steps/activation/transfers.ts';
import type { ClientKeys } from '../../crypto/steps/activation/transfers.ts';
import type { ClientActivationWork, ServerActivationWork } from '../../crypto/steps/activation/work.ts';
import {
  activationOfflineClient,
  activationOfflineServer,
} from '../../crypto/steps/activation/activation.ts';
import { prg, prgSeedBytes } from '../../crypto/prg.ts';
import { requestBytes, responseBytes } from '../../crypto/steps/linear.ts';
import type { LinearSpec, LinearWeights } from '../../crypto/spec.ts';
import { sizeOf } from '../../models/tensor.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { lanesOf } from '../../crypto/channel/lanes.ts';
import type { Lane } from '../../crypto/channel/lanes.ts';
import { inputShare, OneTime, outputShare } from './one-time.ts';
import type { ClientOffline, ServerOffline } from './one-time.ts';
import { StepClock } from './step-clock.ts';
import type { StepCost } from './step-clock.ts';
import { isLocal, runLocal } from './local-steps.ts';
import { activationSteps, inputOf, wireOf } from '../plan/plan.ts';
import type { ActivationStep, LinearStep, Plan, Step, WireId } from '../plan/plan.ts';
import type { ServerWeights } from '../compile/quantise.ts';
import { inProportion, layerTransfers, transferCounts } from './layer-transfers.ts';
import { asError } from '../../src/shared/errors.ts';

/** The client's part in every inference of a session. */
export type ClientParty = {
  readonly ot: OtClient;
  readonly rng: Rng;
  readonly work: ClientActivationWork;
  /** The client's half of a linear step: from its share of the input to its share of the output. */
  linear(channel: Channel, step: number, spec: LinearSpec, input: Uint32Array): Promise<Uint32Array>;
};

/** The server's part in every inference of a session. */
export type ServerParty = {
  readonly ot: OtServer;
  readonly rng: Rng;
  readonly work: ServerActivationWork;
  /** The server's half of a linear step; returns its share of the output. */
  linear(channel: Channel, step: number, spec: LinearSpec, weights: LinearWeights): Promise<Uint32Array>;
};

/**
 * The client's offline phase of one inference. It draws a mask for every activation's output first, so that
 * all linear layers whose input shares are then known can run at once, together with the transfers. It sends
 * the tables of each activation as soon as its input share is known. The order of frames is: what the server
 * says first of the transfers in which it chooses, all linear steps, the transfers in which the client
 * chooses, the client's part of those in which the server does, all activations, the checks of both. Silent
 * transfers in which the client chooses come before the linear steps, or the tables would wait for the last
 * of them (`lanesOfParty`). `wires` is the client's share of every wire, for checks.
 */
export async function offlineClient(
  channel: Channel,
  plan: Plan,
  party: ClientParty,
): Promise<{ offline: ClientOffline; costs: StepCost[]; wires: ReadonlyMap<WireId, Uint32Array> }> {
  const clock = new StepClock('client');
  const masks = drawMasks(plan, party.rng);
  const lanes = lanesOfParty(channel, plan, { client: true, early: party.ot.choosing.isSilent });
  const transfers = drawTransfers(plan, party.ot, lanes.transfers, clock);
  const { ot, work } = party;
  const chosen = keysInOrder(plan, ({ spec }) => clientChosenKeys(ot.choosing, spec));
  // Each step has its own generator, so that what it draws does not depend on what finishes first.
  const rngs = new Map(activationSteps(plan).map(({ id }) => [id, prg(party.rng.bytes(prgSeedBytes))]));
  const offered = keysInOrder(plan, ({ id, spec }) =>
    clientOfferedKeys(ot.offering, spec, work, rngs.get(id)!),
  );
  const keys = async (id: number): Promise<ClientKeys> => ({
    ...(await chosen.get(id)!),
    ...(await offered.get(id)!),
  });
  const pending = pendingShares(plan, party, masks, lanes.steps, clock);
  // All run at once, so that a failure of one ends all and none goes unnoticed.
  const [shares, activations] = await Promise.all([
    Promise.all(pending.values()),
    clientActivations(plan, party, { masks, pending, keys }, lanes.steps, clock),
    ...transfers,
  ]);
  const wires = new Map([...pending.keys()].map((wire, i) => [wire, shares[i]!]));
  const ends: ClientOffline['shares'] = new OneTime();
  ends.set(inputShare, masks.get(plan.input.wire)!);
  ends.set(outputShare, wires.get(plan.output.wire)!);
  return { offline: { shares: ends, activations }, costs: clock.costs, wires };
}

type Lanes = {
  readonly steps: ReadonlyMap<number, Lane>;
  readonly transfers: TransferLanes;
};
/** Of the transfers of a direction, named after `Ways`. */
type DirectionLanes = { readonly fromChooser: Lane; readonly fromOfferer: Lane; readonly check: Lane };
/** Down: the server chooses. Up: the client does. */
type TransferLanes = { readonly down: DirectionLanes; readonly up: DirectionLanes };

const bothWays = { sends: 'all', receives: 'all' } as const;

/**
 * The lanes of the client, or of the server, in the order of the frames. Linear steps have a message each
 * way, an activation has one from the client, if it needs any.
 *
 * `early`: the client's keys hang on the server's corrections, which hang on no linear step, so that they go
 * first, and tables leave while later layers are computed. SoftSpokenOT has no corrections, and its frames
 * from the client are many: they would keep the linear steps waiting.
 */
function lanesOfParty(
  channel: Channel,
  plan: Plan,
  { client, early }: { readonly client: boolean; readonly early: boolean },
): Lanes {
  const linear = linearSteps(plan);
  const activations = activationSteps(plan);
  const oneWay = (frames: number | 'all', up: boolean) =>
    up === client ? { sends: frames, receives: 0 } : { sends: 0, receives: frames };
  const upward = [oneWay('all', true), oneWay('all', false)];
  const all = lanesOf(channel, [
    oneWay('all', false),
    ...(early ? upward : []),
    ...linear.map(({ spec }) => {
      const [up, down] = [partCount(requestBytes(spec)), partCount(responseBytes(spec))];
      return client ? { sends: up, receives: down } : { sends: down, receives: up };
    }),
    ...(early ? [] : upward),
    oneWay('all', true),
    ...activations.map(({ spec }) => {
      const bytes = tablesBytes(spec);
      return oneWay(bytes === 0 ? 0 : partCount(bytes), true);
    }),
    bothWays,
    bothWays,
  ]);
  const next = all[Symbol.iterator]();
  const take = () => next.next().value!;
  const lanesFor = (steps: readonly Step[]) => steps.map((step) => [step.id, take()] as const);
  const takeUpward = () => ({ fromChooser: take(), fromOfferer: take() });
  const ofDown = take();
  const before = early ? takeUpward() : undefined;
  const ofLinear = lanesFor(linear);
  const up = before ?? takeUpward();
  const toDown = take();
  const ofActivations = lanesFor(activations);
  return {
    steps: new Map([...ofLinear, ...ofActivations]),
    transfers: {
      down: { fromChooser: ofDown, fromOfferer: toDown, check: take() },
      up: { ...up, check: take() },
    },
  };
}

/** Draws the transfers of an inference in both directions. Each layer counts for its part of the bytes. */
function drawTransfers(
  plan: Plan,
  ot: OtClient | OtServer,
  { down, up }: TransferLanes,
  clock: StepClock,
): Promise<void>[] {
  const layers = layerTransfers(plan);
  const counts = transferCounts(layers);
  const [upward, downward] =
    ot.role === 'client' ? ([ot.choosing, ot.offering] as const) : ([ot.offering, ot.choosing] as const);
  const draw = async (way: 'up' | 'down', { fromChooser, fromOfferer, check }: DirectionLanes) => {
    await (way === 'up' ? upward : downward).prepare(
      {
        fromChooser: (exchange) => fromChooser.run(exchange),
        fromOfferer: (exchange) => fromOfferer.run(exchange),
        check: (exchange) => check.run(exchange),
      },
      counts[way],
    );
    const lanes = [fromChooser, fromOfferer, check];
    const parts = (bytes: 'sent' | 'received') =>
      inProportion(
        lanes.reduce((sum, { traffic }) => sum + traffic[bytes], 0),
        layers.map((layer) => layer[way]),
      );
    const [sent, received] = [parts('sent'), parts('received')];
    for (const [i, { step }] of layers.entries()) {
      clock.count(step, { sent: sent[i]!, received: received[i]! });
    }
  };
  return [draw('down', down), draw('up', up)];
}

/** The keys of each activation, by step: made one layer after the other, since rows have one order. */
function keysInOrder<Keys>(
  plan: Plan,
  make: (step: ActivationStep) => Promise<Keys>,
): Map<number, Promise<Keys>> {
  let before: Promise<unknown> = Promise.resolve();
  const keys = new Map<number, Promise<Keys>>();
  for (const step of activationSteps(plan)) {
    const made = before.then(() => make(step));
    // Whoever waits for the keys learns of a failure.
    made.catch(() => undefined);
    keys.set(step.id, made);
    before = made;
  }
  return keys;
}

type ClientParts = {
  readonly masks: ReadonlyMap<WireId, Uint32Array>;
  readonly pending: ReadonlyMap<WireId, Promise<Uint32Array>>;
  readonly keys: (step: number) => Promise<ClientKeys>;
};

/** Starts the activations in order, each as soon as its input share is known. */
async function clientActivations(
  plan: Plan,
  party: ClientParty,
  { masks, pending, keys }: ClientParts,
  lanes: ReadonlyMap<number, Lane>,
  clock: StepClock,
): Promise<ClientOffline['activations']> {
  const activations: ClientOffline['activations'] = new OneTime();
  const running: Promise<void>[] = [];
  for (const step of activationSteps(plan)) {
    const lane = lanes.get(step.id)!;
    const xC = await pending.get(inputOf(step))!;
    const mask = masks.get(step.output)!;
    const run = lane.run(async (view) => {
      const own = await keys(step.id);
      activations.set(
        step.id,
        await activationOfflineClient(view, step.id, own, party.work, step.spec, xC, mask),
      );
      clock.finish(step, lane.traffic);
    });
    run.catch(() => undefined);
    running.push(run);
  }
  await Promise.all(running);
  return activations;
}

/** The client's uniform shares of the input and of every activation's output. */
function drawMasks(plan: Plan, rng: Rng): Map<WireId, Uint32Array> {
  const masked = [plan.input.wire, ...activationSteps(plan).map((step) => step.output)];
  return new Map(masked.map((wire) => [wire, randomWords(rng, sizeOf(wireOf(plan, wire).shape))]));
}

/** The client's share of every wire, as a promise that resolves as soon as the share can be known. */
function pendingShares(
  plan: Plan,
  party: ClientParty,
  masks: ReadonlyMap<WireId, Uint32Array>,
  lanes: ReadonlyMap<number, Lane>,
  clock: StepClock,
): Map<WireId, Promise<Uint32Array>> {
  const pending = new Map<WireId, Promise<Uint32Array>>();
  for (const [wire, mask] of masks) pending.set(wire, Promise.resolve(mask));
  for (const step of plan.steps) {
    if (step.kind === 'activation') continue;
    const inputs = step.inputs.map((wire) => pending.get(wire)!);
    pending.set(step.output, clientShare(plan, step, inputs, party, lanes.get(step.id), clock));
  }
  return pending;
}

async function clientShare(
  plan: Plan,
  step: Exclude<Step, { kind: 'activation' }>,
  inputs: readonly Promise<Uint32Array>[],
  party: ClientParty,
  lane: Lane | undefined,
  clock: StepClock,
): Promise<Uint32Array> {
  // It is in a lane from the start, so that a failed input also fails the lanes after it.
  if (step.kind === 'linear') {
    return lane!.run(async (channel) => {
      const share = await party.linear(channel, step.id, step.spec, await inputs[0]!);
      clock.finish(step, lane!.traffic);
      return share;
    });
  }
  const shares = await Promise.all(inputs);
  return isLocal(step) ? runLocal(plan, step, shares) : shares[0]!;
}

/** The server's offline phase of one inference. */
export async function offlineServer(
  channel: Channel,
  plan: Plan,
  weights: ServerWeights,
  party: ServerParty,
): Promise<{ offline: ServerOffline; costs: StepCost[] }> {
  const clock = new StepClock('server');
  const lanes = lanesOfParty(channel, plan, { client: false, early: party.ot.offering.isSilent });
  const transfers = drawTransfers(plan, party.ot, lanes.transfers, clock);
  const { ot, work } = party;
  const offered = keysInOrder(plan, ({ spec }) => serverOfferedKeys(ot.offering, spec));
  const chosen = keysInOrder(plan, ({ spec }) => serverChosenKeys(ot.choosing, spec, work));
  const masks: ServerOffline['masks'] = new OneTime();
  const linear = linearSteps(plan).map(async (step) => {
    const lane = lanes.steps.get(step.id)!;
    const mask = await lane.run((view) => party.linear(view, step.id, step.spec, weights.get(step.id)!));
    clock.finish(step, lane.traffic);
    masks.set(step.id, mask);
  });
  const activations: ServerOffline['activations'] = new OneTime();
  const tables = activationSteps(plan).map(async (step) => {
    const lane = lanes.steps.get(step.id)!;
    const state = await lane.run(async (view) => {
      const keys = { offered: await offered.get(step.id)!, ...(await chosen.get(step.id)!) };
      return activationOfflineServer(view, step.id, keys, work, step.spec);
    });
    activations.set(step.id, state);
    clock.finish(step, lane.traffic);
  });
  await allEnded(channel, [...transfers, ...linear, ...tables]);
  return { offline: { masks, activations }, costs: clock.costs };
}

/**
 * Like Promise.all, but the first failure closes the channel, and the rejection comes after all have ended.
 * Otherwise a client could ask for everything, leave and come back again and again, while its old work still
 * fills the pool's queue.
 */
async function allEnded(channel: Channel, running: readonly Promise<void>[]): Promise<void> {
  try {
    await Promise.all(running);
  } catch (error) {
    channel.close(asError(error));
    await Promise.allSettled(running);
    throw error;
  }
}

function linearSteps(plan: Plan): LinearStep[] {
  return plan.steps.filter((step) => step.kind === 'linear');
}
