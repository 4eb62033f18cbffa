import type { OtClient, OtServer } from '../crypto/ot/session.ts';
import { activationOfflineClient, activationOfflineServer } from '../crypto/steps/activation.ts';
import type { LinearSpec, LinearWeights } from '../crypto/steps/spec.ts';
import { sizeOf } from '../models/tensor.ts';
import type { Channel } from '../src/shared/channel.ts';
import { randomWords } from '../src/shared/random.ts';
import type { Rng } from '../src/shared/random.ts';
import { lanesOf } from './offline-lanes.ts';
import type { Lane } from './offline-lanes.ts';
import { inputShare, OneTime, outputShare } from './offline-material.ts';
import type { ClientOffline, ServerOffline } from './offline-material.ts';
import { StepClock } from './offline-report.ts';
import type { StepCost } from './offline-report.ts';
import { isLocal, runLocal } from './online-local.ts';
import { activationSteps, inputOf, wireOf } from './plan.ts';
import type { LinearStep, Plan, Step, WireId } from './plan.ts';
import type { ServerWeights } from './quantise.ts';

/** What the client brings to every inference of a session. */
export type ClientParty = {
  readonly ot: OtClient;
  readonly rng: Rng;
  /** The client's half of a linear step: from its share of the input to its share of the output. */
  linear(channel: Channel, step: number, spec: LinearSpec, input: Uint32Array): Promise<Uint32Array>;
  /** The client's half of products of private vectors. */
  products(channel: Channel, step: number, u: Uint32Array): Promise<Uint32Array>;
};

/** What the server brings to every inference of a session. */
export type ServerParty = {
  readonly ot: OtServer;
  readonly rng: Rng;
  /** The server's half of a linear step: to its mask s. */
  linear(channel: Channel, step: number, spec: LinearSpec, weights: LinearWeights): Promise<Uint32Array>;
  products(channel: Channel, step: number, a: Uint32Array): Promise<Uint32Array>;
};

/**
 * The offline phase of one inference, client. All linear layers whose input shares are known run at once (a mask is drawn for
 * every activation's output first), then the activations one after the other. `wires`: its share of every wire, for checks.
 */
export async function offlineClient(
  channel: Channel,
  plan: Plan,
  party: ClientParty,
): Promise<{ offline: ClientOffline; costs: StepCost[]; wires: ReadonlyMap<WireId, Uint32Array> }> {
  const clock = new StepClock('client');
  const masks = drawMasks(plan, party.rng);
  const wires = await clientWires(channel, plan, party, masks, clock);
  const activations: ClientOffline['activations'] = new OneTime();
  for (const step of activationSteps(plan)) {
    const xC = wires.get(inputOf(step))!;
    const state = await clock.time(step, channel, (view) =>
      activationOfflineClient(
        view,
        step.id,
        party.ot,
        (u) => party.products(view, step.id, u),
        step.spec,
        xC,
        party.rng,
        masks.get(step.output),
      ),
    );
    activations.set(step.id, state);
  }
  const shares: ClientOffline['shares'] = new OneTime();
  shares.set(inputShare, masks.get(plan.input.wire)!);
  shares.set(outputShare, wires.get(plan.output.wire)!);
  return { offline: { shares, activations }, costs: clock.costs, wires };
}

/** The client's uniform shares: of the input and of every activation's output. */
function drawMasks(plan: Plan, rng: Rng): Map<WireId, Uint32Array> {
  const masked = [plan.input.wire, ...activationSteps(plan).map((step) => step.output)];
  return new Map(masked.map((wire) => [wire, randomWords(rng, sizeOf(wireOf(plan, wire).shape))]));
}

/** The client's share of every wire. */
async function clientWires(
  channel: Channel,
  plan: Plan,
  party: ClientParty,
  masks: ReadonlyMap<WireId, Uint32Array>,
  clock: StepClock,
): Promise<Map<WireId, Uint32Array>> {
  const lanes = laneOfStep(channel, plan);
  const pending = new Map<WireId, Promise<Uint32Array>>();
  for (const [wire, mask] of masks) pending.set(wire, Promise.resolve(mask));
  for (const step of plan.steps) {
    if (step.kind === 'activation') continue;
    const inputs = step.inputs.map((wire) => pending.get(wire)!);
    pending.set(step.output, clientShare(plan, step, inputs, party, lanes.get(step.id), clock));
  }
  const shares = await Promise.all(pending.values());
  return new Map([...pending.keys()].map((wire, i) => [wire, shares[i]!]));
}

async function clientShare(
  plan: Plan,
  step: Exclude<Step, { kind: 'activation' }>,
  inputs: readonly Promise<Uint32Array>[],
  party: ClientParty,
  lane: Lane | undefined,
  clock: StepClock,
): Promise<Uint32Array> {
  // In a lane from the start, so that a failed input fails the lanes behind it too.
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

/** The offline phase of one inference, server. */
export async function offlineServer(
  channel: Channel,
  plan: Plan,
  weights: ServerWeights,
  party: ServerParty,
): Promise<{ offline: ServerOffline; costs: StepCost[] }> {
  const clock = new StepClock('server');
  const masks = await serverMasks(channel, plan, weights, party, clock);
  const activations: ServerOffline['activations'] = new OneTime();
  for (const step of activationSteps(plan)) {
    const state = await clock.time(step, channel, (view) =>
      activationOfflineServer(
        view,
        step.id,
        party.ot,
        (a) => party.products(view, step.id, a),
        step.spec,
        party.rng,
      ),
    );
    activations.set(step.id, state);
  }
  return { offline: { masks, activations }, costs: clock.costs };
}

async function serverMasks(
  channel: Channel,
  plan: Plan,
  weights: ServerWeights,
  party: ServerParty,
  clock: StepClock,
): Promise<ServerOffline['masks']> {
  const lanes = laneOfStep(channel, plan);
  const masks: ServerOffline['masks'] = new OneTime();
  await Promise.all(
    linearSteps(plan).map(async (step) => {
      const lane = lanes.get(step.id)!;
      const mask = await lane.run((view) => party.linear(view, step.id, step.spec, weights.get(step.id)!));
      clock.finish(step, lane.traffic);
      masks.set(step.id, mask);
    }),
  );
  return masks;
}

function linearSteps(plan: Plan): LinearStep[] {
  return plan.steps.filter((step) => step.kind === 'linear');
}

function laneOfStep(channel: Channel, plan: Plan): Map<number, Lane> {
  const steps = linearSteps(plan);
  const lanes = lanesOf(channel, steps.length);
  return new Map(steps.map((step, i) => [step.id, lanes[i]!]));
}
