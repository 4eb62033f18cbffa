import { noise } from '../../../../pipelines/bench/network.ts';
import type { RandomNetwork } from '../../../../pipelines/bench/network.ts';
import { predictCost } from '../../../../pipelines/cost/bytes.ts';
import { profiles } from '../../../../pipelines/cost/profiles.ts';
import { serverCaches } from '../../../../pipelines/inference/caches.ts';
import type { TransferMode } from '../../../../pipelines/inference/layer-transfers.ts';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';
import { wireOf } from '../../../../pipelines/plan/plan.ts';
import type { AnswerKind } from '../../../../pipelines/plan/plan.ts';
import type { StepCost } from '../../../../pipelines/inference/step-clock.ts';
import { sizeOf } from '../../../../models/tensor.ts';
import { connect } from '../../../client.ts';
import { Child } from '../../../shared/child-process.ts';
import { workerUrl } from '../../../shared/files.ts';
import { defined } from '../../../shared/defined.ts';
import { median } from '../../../shared/median.ts';
import { silent } from '../../../shared/progress.ts';
import type { OnProgress } from '../../../shared/progress.ts';
import type { Session } from '../../../client.ts';
import { answerValue } from '../../output/answer-words.ts';
import { inferenceProgress } from '../../output/inference-progress.ts';
import type { AnswerValue } from '../../output/answer-words.ts';
import { phaseTotals } from '../../output/phase.ts';
import type { PhaseTotals } from '../../output/phase.ts';
import { usage } from './messages.ts';
import type { BenchedModel, FromServer, ToServer, Usage } from './messages.ts';
import { openNetwork } from './network.ts';
import type { ShapedBy } from './network.ts';
import { predictionOf } from './prediction.ts';
import type { BenchPrediction } from './prediction.ts';

export type ModelBench = AnswerValue & {
  readonly planHash: string;
  /** The data on which the plan was calibrated; 'noise' for random weights. */
  readonly calibratedOn: string;
  readonly relus: number;
  readonly products: number;
  /** Seconds on the client's clock. */
  readonly offline: PhaseTotals & PhaseCpu;
  readonly online: PhaseTotals & PhaseCpu & { readonly rounds: number };
  /** Peak memory of the larger party, and of each. */
  readonly rss_mb: number;
  readonly client_rss_mb: number;
  readonly server_rss_mb: number;
  /** The steps on the server's clock. */
  readonly steps: readonly (StepCost & { readonly phase: 'offline' | 'online' })[];
  readonly profile: NetworkProfile;
  /** What slowed the network down to the profile. */
  readonly shapedBy: ShapedBy;
  readonly predicted: BenchPrediction;
  /** All inferences, including the first and the last. */
  readonly runs: readonly RunSeconds[];
  /**
   * The median of all runs but the first, which alone transforms the weights; of a single run, that run.
   * `runs` counts them.
   */
  readonly median: RunSeconds & { readonly runs: number };
};

/** Seconds on the client's clock. */
export type RunSeconds = { readonly offline_seconds: number; readonly online_seconds: number };

/**
 * Processor seconds of all threads of each party; unlike wall-clock time, other work does not lengthen them.
 */
export type PhaseCpu = { readonly client_cpu_seconds: number; readonly server_cpu_seconds: number };

export type ModelBenchOptions = {
  /** A model has the plan that serve would use; a network of random weights is calibrated on noise. */
  readonly network: BenchedModel | RandomNetwork;
  /** Inferences in the session. The last is reported; the first also transforms the weights. */
  readonly runs: number;
  readonly threads?: number;
  /** Bytes of the caches of each party (default: as `startServer` and `connect` have). */
  readonly memory?: number;
  /** What clients learn (default: logits). */
  readonly answer?: AnswerKind;
  /** The network between the two processes (default: loopback). */
  readonly profile?: NetworkProfile;
  /** What transfers come from (default: auto). */
  readonly transfers?: TransferMode;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly warn: (line: string) => void;
  readonly onProgress?: OnProgress;
};

type Server = Child<ToServer, FromServer>;

/** Runs private inferences of noise between this process, the client, and a child process, the server. */
export async function benchModel(options: ModelBenchOptions): Promise<ModelBench> {
  const { network, threads, memory, profile = profiles.loopback, signal } = options;
  const between = await openNetwork(profile);
  const server: Server = new Child({
    program: workerUrl(import.meta.url, 'server-main'),
    within: between.within,
    signal,
    name: 'bench: the server',
  });
  const ofThreads = defined({ threads });
  try {
    server.send({
      ...{ kind: 'start', network, host: between.host, ...ofThreads },
      ...defined({ memory, answer: options.answer }),
    });
    const { url, planHash } = await ready(server, options);
    const progress = inferenceProgress(options.onProgress ?? silent);
    const session = await connect(url, {
      onTraffic: progress.onTraffic,
      ...{ planHash, profile: between.atClient, network: profile, ...ofThreads },
      ...defined({ memory, transfers: options.transfers }),
    });
    try {
      const begin = () => progress.begin(session.plan, { profile, mode: options.transfers });
      const inferences = await allInferences(session, server, begin, options);
      const measured = inferences.at(-1)!;
      const predicted = await predictionOf(session.plan, profile, measured, {
        first: options.runs === 1,
        mode: options.transfers ?? 'auto',
        weightBytes: serverCaches(memory, threads ?? navigator.hardwareConcurrency).weightBytes,
        ...ofThreads,
      });
      const runs = inferences.map(secondsOf);
      return {
        ...{
          ...answerValue(session.plan),
          planHash,
          calibratedOn: 'arch' in network ? 'noise' : network.data,
        },
        ...{ ...measured, profile, shapedBy: between.shapedBy, predicted, runs, median: medianOf(runs) },
      };
    } finally {
      await session.close();
    }
  } finally {
    await server.stop();
    await between.close();
  }
}

/** Waits until the server has prepared its plan and listens, and passes on what it says until then. */
export async function ready(
  server: Pick<Server, 'next'>,
  { onProgress = silent, warn }: Pick<ModelBenchOptions, 'onProgress' | 'warn'>,
): Promise<Extract<FromServer, { kind: 'ready' }>> {
  for (;;) {
    const message = await server.next();
    if (message.kind === 'ready') return message;
    if (message.kind === 'progress') onProgress(message.event);
    if (message.kind === 'warning') warn(message.text);
  }
}

type Measured = Omit<
  ModelBench,
  | 'answer'
  | 'answerBits'
  | 'planHash'
  | 'calibratedOn'
  | 'profile'
  | 'shapedBy'
  | 'predicted'
  | 'runs'
  | 'median'
>;

async function allInferences(
  session: Session,
  server: Server,
  begin: () => void,
  { runs, say }: ModelBenchOptions,
): Promise<Measured[]> {
  const found: Measured[] = [];
  for (let run = 1; run <= runs; run++) {
    begin();
    const inference = await oneInference(session, server, run);
    found.push(inference);
    const { offline, online } = inference;
    if (run < runs)
      say(`run ${run}: offline ${offline.seconds.toFixed(2)} s, online ${online.seconds.toFixed(2)} s`);
  }
  return found;
}

function secondsOf({ offline, online }: Measured): RunSeconds {
  return { offline_seconds: offline.seconds, online_seconds: online.seconds };
}

/** See `ModelBench`; `all` has at least one run. */
export function medianOf(all: readonly RunSeconds[]): ModelBench['median'] {
  const runs = all.length === 1 ? all : all.slice(1);
  return {
    runs: runs.length,
    offline_seconds: median(runs.map((run) => run.offline_seconds)),
    online_seconds: median(runs.map((run) => run.online_seconds)),
  };
}

/** `run` counts them from 1. */
async function oneInference(session: Session, server: Server, run: number): Promise<Measured> {
  const image = noise(sizeOf(wireOf(session.plan, session.plan.input.wire).shape));
  const start = await bothUsages(server);
  const seconds = await preparedSeconds(session, server, run);
  const middle = await bothUsages(server);
  const { offline, online } = await session.infer(image);
  const end = await bothUsages(server);
  const { steps } = predictCost(session.plan);
  const phases = end.phases!;
  return {
    relus: steps.reduce((sum, { elements }) => sum + elements.relu, 0),
    products: steps.reduce((sum, { products }) => sum + products, 0),
    offline: { ...phaseTotals(offline), seconds, ...cpuBetween(start, middle) },
    online: { ...phaseTotals(online), rounds: online.rounds, ...cpuBetween(middle, end) },
    rss_mb: Math.round(Math.max(end.client.largestMB, end.server.largestMB)),
    client_rss_mb: Math.round(end.client.largestMB),
    server_rss_mb: Math.round(end.server.largestMB),
    steps: [
      ...phases.offline.steps.map((cost) => ({ phase: 'offline' as const, ...cost })),
      ...phases.online.steps.map((cost) => ({ phase: 'online' as const, ...cost })),
    ],
  };
}

/**
 * Seconds until both parties are ready for the image. The client alone is ready earlier, while its last
 * tables are still on their way: on a slow network that would count them online.
 */
export async function preparedSeconds(
  session: Pick<Session, 'prepare'>,
  server: Pick<Server, 'ask'>,
  run: number,
): Promise<number> {
  const start = performance.now();
  await session.prepare();
  await server.ask('prepared', { kind: 'prepared', count: run });
  return (performance.now() - start) / 1000;
}

type Usages = { readonly client: Usage; readonly server: Usage };

async function bothUsages(server: Server) {
  const { phases, ...rest } = await server.ask('usage', { kind: 'usage' });
  return { client: usage(), server: rest, phases };
}

function cpuBetween(before: Usages, after: Usages): PhaseCpu {
  const between = (party: keyof Usages) =>
    Number((after[party].cpuSeconds - before[party].cpuSeconds).toFixed(3));
  return { client_cpu_seconds: between('client'), server_cpu_seconds: between('server') };
}
