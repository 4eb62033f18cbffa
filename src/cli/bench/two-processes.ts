import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { noise } from '../../../pipelines/bench-model.ts';
import type { RandomNetwork } from '../../../pipelines/bench-model.ts';
import { predictCost } from '../../../pipelines/cost.ts';
import { wireOf } from '../../../pipelines/plan.ts';
import type { StepCost } from '../../../pipelines/offline-report.ts';
import { sizeOf } from '../../../models/tensor.ts';
import { connect } from '../../client.ts';
import type { Session } from '../../client.ts';
import { ReluctantError } from '../../shared/errors.ts';
import { workerUrl } from '../../shared/files.ts';
import { phaseTotals } from '../phase.ts';
import type { PhaseTotals } from '../phase.ts';
import { usage } from './messages.ts';
import type { FromServer, RealCalibration, ToServer, Usage } from './messages.ts';
import { fileURLToPath } from 'node:url';

export type ModelBench = {
  readonly relus: number;
  readonly products: number;
  /** Seconds as the client sees them. */
  readonly offline: PhaseTotals & PhaseCpu;
  readonly online: PhaseTotals & PhaseCpu & { readonly rounds: number };
  /** Of the larger party, and of each. */
  readonly rss_mb: number;
  readonly client_rss_mb: number;
  readonly server_rss_mb: number;
  /** As the server sees them. */
  readonly steps: readonly (StepCost & { readonly phase: 'offline' | 'online' })[];
};

/** All threads of each party: what is left when cores are shared with other work. */
export type PhaseCpu = { readonly client_cpu_seconds: number; readonly server_cpu_seconds: number };

export type ModelBenchOptions = {
  readonly network: string | RandomNetwork;
  /** Where left out, scales are those of noise: good for time and bytes of a network that nobody trained. */
  readonly calibration?: RealCalibration;
  /** Inferences in the session; the last one is reported, the first pays for the weights' transforms. */
  readonly runs: number;
  readonly threads?: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
};

/** Private inferences of noise between this process, the client, and one of its own, the server, over loopback. */
export async function benchModel(options: ModelBenchOptions): Promise<ModelBench> {
  const { network, calibration, runs, threads, signal } = options;
  const server = new ServerParty(signal);
  const ofThreads = threads === undefined ? {} : { threads };
  try {
    const { url, planHash } = await server.ask('ready', {
      ...{ kind: 'start', network, ...ofThreads },
      ...(calibration !== undefined && { calibration }),
    });
    const session = await connect(url, { planHash, ...ofThreads });
    try {
      for (let run = 1; run < runs; run++) {
        const { offline, online } = await oneInference(session, server);
        options.say(
          `run ${run}: offline ${offline.seconds.toFixed(2)} s, online ${online.seconds.toFixed(2)} s`,
        );
      }
      return await oneInference(session, server);
    } finally {
      await session.close();
    }
  } finally {
    await server.stop();
  }
}

async function oneInference(session: Session, server: ServerParty): Promise<ModelBench> {
  const image = noise(sizeOf(wireOf(session.plan, session.plan.input.wire).shape));
  const start = await bothUsages(server);
  await session.prepare();
  const middle = await bothUsages(server);
  const { offline, online } = await session.infer(image);
  const end = await bothUsages(server);
  const { steps } = predictCost(session.plan);
  const phases = end.phases!;
  return {
    relus: steps.reduce((sum, { elements }) => sum + elements.relu, 0),
    products: steps.reduce((sum, { products }) => sum + products, 0),
    offline: { ...phaseTotals(offline), ...cpuBetween(start, middle) },
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

type Usages = { readonly client: Usage; readonly server: Usage };

async function bothUsages(server: ServerParty) {
  const { phases, ...rest } = await server.ask('usage', { kind: 'usage' });
  return { client: usage(), server: rest, phases };
}

function cpuBetween(before: Usages, after: Usages): PhaseCpu {
  const between = (party: keyof Usages) =>
    Number((after[party].cpuSeconds - before[party].cpuSeconds).toFixed(3));
  return { client_cpu_seconds: between('client'), server_cpu_seconds: between('server') };
}

/** The server's process; one question at a time. */
class ServerParty {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(signal: AbortSignal) {
    this.#child = fork(fileURLToPath(workerUrl(import.meta.url, 'server-party')));
    this.#ended = once(this.#child, 'exit');
    signal.addEventListener('abort', () => this.#child.kill('SIGKILL'));
  }

  async ask<K extends FromServer['kind']>(
    kind: K,
    question: ToServer,
  ): Promise<Extract<FromServer, { kind: K }>> {
    const ended = this.#ended.then(() => [{ kind: 'failed', message: 'its process ended' }]);
    this.#child.send(question);
    const [answer] = (await Promise.race([once(this.#child, 'message'), ended])) as [FromServer];
    if (answer.kind === 'failed') throw new ReluctantError(`bench: the server: ${answer.message}`);
    return answer as Extract<FromServer, { kind: K }>;
  }

  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.send({ kind: 'stop' } satisfies ToServer);
    await this.#ended;
  }
}
