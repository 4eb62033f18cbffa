import { predictCost } from './bytes.ts';
import type { Bytes, Prediction } from './bytes.ts';
import { linkOf, onWire } from './network.ts';
import type { Link } from './network.ts';
import { offlineTasks } from './offline-tasks.ts';
import { workOf } from './work.ts';
import type { StepWork } from './work.ts';
import type { MachineCosts } from './machine.ts';
import type { Plan, Step, StepKind } from '../plan/plan.ts';
import type { NetworkProfile } from './profiles.ts';
import { finishTimes } from './schedule.ts';
import { turnSeconds } from './turn.ts';
import { settingsFor } from './transfer-settings.ts';
import type { TransferSettings } from './transfer-settings.ts';
import type { TransferMode } from '../inference/layer-transfers.ts';

export type LatencyOptions = {
  /** Threads that each party encrypts with (default: one per core). */
  readonly threads?: number;
  /** Predict a server's first inference, which also transforms the weights (default: false). */
  readonly first?: boolean;
  /** Both parties share one machine, or each has its own (default: 'together'). */
  readonly parties?: 'together' | 'apart';
  /** What transfers come from (default: auto). */
  readonly mode?: TransferMode;
  /** Bytes of transformed weights that the server keeps (default: `defaultWeightCacheBytes`). */
  readonly weightBytes?: number;
};

/** Wall-clock seconds of a phase, and the processor seconds of all threads of each party. */
export type PredictedPhase = Bytes & {
  readonly seconds: number;
  readonly client_cpu_seconds: number;
  readonly server_cpu_seconds: number;
};

export type PredictedStep = {
  readonly step: number;
  readonly node: string;
  readonly kind: StepKind;
  /**
   * The step's share of the offline phase: the processor and network seconds that it uses, scaled so that the
   * shares of all steps sum to the phase's wall-clock seconds.
   */
  readonly offline: Bytes & { readonly seconds: number };
  readonly online: Bytes & { readonly seconds: number };
};

export type Latency = {
  readonly profile: string;
  readonly offline: PredictedPhase;
  readonly online: PredictedPhase & { readonly rounds: number };
  readonly steps: readonly PredictedStep[];
};

/**
 * Predicts the seconds of one inference from the exact bytes and round trips of `predictCost`, the
 * machine's costs and the order of the protocol, with the transfers that suit the network. Offline, the
 * parties, their threads and both directions of the network work at the same time (offline-tasks.ts), and
 * online within each activation layer (turn.ts); between layers one party waits for the other. TCP's slow
 * start and other load are left out. Throws PlanError for a linear layer that cannot be packed.
 */
export function predictLatency(
  plan: Plan,
  profile: NetworkProfile,
  machine: MachineCosts,
  options: LatencyOptions = {},
): Latency {
  const {
    threads = machine.cores,
    first = false,
    parties = 'together',
    mode = 'auto',
    weightBytes,
  } = options;
  const transfers = settingsFor(plan, { profile, mode });
  const cost = predictCost(plan, transfers);
  const work = workOf(plan, machine, { first, steady: false, transfers, weightBytes });
  const network = linkOf(profile, machine);
  const { offlineSteps, onlineSteps } = sharesOf(plan, work, cost, network, threads);
  const offlineCpu = processorTimes(work.map(offlineWork), transportWork(cost.offline, machine));
  const onlineCpu = processorTimes(work.map(onlineWork), transportWork(cost.online, machine));
  const times = finishTimes(offlineTasks(plan, work, cost, { threads, network, parties, transfers }));
  const atLeast = parties === 'apart' ? 0 : sum(Object.values(offlineCpu)) / machine.cores;
  const offline = Math.max(atLeast, ...times);
  const online = sum(onlineSteps) + endsSeconds(cost, network);
  const scale = offline / Math.max(1e-12, sum(offlineSteps));
  return {
    profile: profile.name,
    offline: { seconds: offline, ...cost.offline, ...offlineCpu },
    online: { seconds: online, ...cost.online, ...onlineCpu, rounds: cost.rounds },
    steps: cost.steps.map(({ step, node, kind, offline, online }, i) => ({
      ...{ step, node, kind },
      offline: { seconds: offlineSteps[i]! * scale, ...offline },
      online: { seconds: onlineSteps[i]!, ...online },
    })),
  };
}

/**
 * The processor and network seconds that one inference uses, as if nothing overlapped. Work in a pool is
 * divided by its threads. This is a sum over steps, so it shows what a change of one step is worth. Online,
 * where steps do not overlap, it equals what `predictLatency` says.
 */
export function occupiedSeconds(
  plan: Plan,
  profile: NetworkProfile,
  machine: MachineCosts,
  transfers: TransferSettings = settingsFor(plan, { profile }),
): { readonly offline: number; readonly online: number } {
  const cost = predictCost(plan, transfers, true);
  const network = linkOf(profile, machine);
  const work = workOf(plan, machine, { first: false, steady: true, transfers });
  const { offlineSteps, onlineSteps } = sharesOf(plan, work, cost, network, machine.cores);
  return { offline: sum(offlineSteps), online: sum(onlineSteps) + endsSeconds(cost, network) };
}

function sharesOf(
  plan: Plan,
  work: readonly StepWork[],
  { steps }: Prediction,
  network: Link,
  threads: number,
) {
  return {
    offlineSteps: work.map((step, i) => offlineShare(step, steps[i]!.offline, network, threads)),
    onlineSteps: work.map((step, i) => onlineShare(plan.steps[i]!, step, network)),
  };
}

function offlineShare(step: StepWork, bytes: Bytes, network: Link, threads: number): number {
  const { encrypt = 0, respond = 0, decrypt = 0 } = step.linear ?? {};
  const pooled = encrypt + respond + decrypt;
  const { client, server } = activationOffline(step);
  return pooled / threads + client + server + onWire(bytes, network);
}

function onlineShare(step: Step, { activation, local }: StepWork, network: Link): number {
  return step.kind === 'activation' ? turnSeconds(step.spec, activation!, network) : local;
}

/**
 * The seconds of the first and the last message: the masked image up, and the server's share of the logits
 * down.
 */
function endsSeconds({ online, steps }: Prediction, network: Link): number {
  const ofSteps = (key: keyof Bytes) => sum(steps.map((step) => step.online[key]));
  const bytes_up = online.bytes_up - ofSteps('bytes_up');
  const bytes_down = online.bytes_down - ofSteps('bytes_down');
  return onWire({ bytes_up, bytes_down }, network) + 2 * (network.delay + network.message);
}

type Processors = { readonly client: number; readonly server: number };

function offlineWork(step: StepWork): Processors {
  const { client, server } = activationOffline(step);
  const { encrypt = 0, respond = 0, decrypt = 0 } = step.linear ?? {};
  return { client: client + encrypt + decrypt, server: server + respond };
}

function activationOffline({ activation }: StepWork): Processors {
  const { clientKeys = 0, serverKeys = 0, clientTables = 0, serverTables = 0 } = activation ?? {};
  return { client: clientKeys + clientTables, server: serverKeys + serverTables };
}

function onlineWork({ activation, local }: StepWork): Processors {
  const { message = 0, reply = 0, finish = 0 } = activation ?? {};
  return { client: reply, server: message + finish + local };
}

/** The processor seconds that both ends together spend on sending and receiving. */
function transportWork({ bytes_up, bytes_down }: Bytes, { transport }: MachineCosts): number {
  return bytes_up * transport.byteUp + bytes_down * transport.byteDown;
}

function processorTimes(work: readonly Processors[], transport: number) {
  return {
    client_cpu_seconds: sum(work.map(({ client }) => client)) + transport / 2,
    server_cpu_seconds: sum(work.map(({ server }) => server)) + transport / 2,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
