// The server's process of `bench model`.
import { loadModel } from '../../../../models/files/read.ts';
import { benchedNetwork, preparedOnNoise } from '../../../../pipelines/bench/network.ts';
import type { Prepared } from '../../../../pipelines/compile/served-plan.ts';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import { startServer } from '../../../server.ts';
import type { RunningServer } from '../../../server.ts';
import { defined } from '../../../shared/defined.ts';
import { silent } from '../../../shared/progress.ts';
import { compileOptionsOf } from '../../options/compile.ts';
import { preparedModel } from '../../options/prepared.ts';
import { usage } from './messages.ts';
import type { FromServer, ServerPhases, ToServer } from './messages.ts';

let server: RunningServer | undefined;
let phases: ServerPhases | null = null;

function tell(message: FromServer): void {
  process.send!(message);
}

type Start = Extract<ToServer, { kind: 'start' }>;

async function start(message: Start): Promise<void> {
  const { threads, host } = message;
  const { plan, weights } = await preparedNetwork(message);
  server = await startServer({
    ...{ plan, weights, host },
    ...defined({ threads }),
    onEvent: (event) => {
      if (event.kind === 'inference') phases = event;
    },
  });
  tell({ kind: 'ready', url: server.url, planHash: planHash(plan) });
}

async function preparedNetwork({ network, calibration }: Start): Promise<Prepared> {
  if (typeof network === 'string' && calibration !== undefined)
    return preparedModel(network, calibration.data, silent, await compileOptionsOf(calibration));
  const model = typeof network === 'string' ? await loadModel(network) : await benchedNetwork(network);
  return preparedOnNoise(model);
}

async function stop(): Promise<void> {
  await server?.close();
  process.disconnect();
}

const answers = {
  start,
  usage: () => tell({ kind: 'usage', phases, ...usage() }),
  stop,
} as { [K in ToServer['kind']]: (message: ToServer) => Promise<void> | void };

process.on('message', (message: ToServer) => {
  Promise.resolve(answers[message.kind](message)).catch((error: unknown) => {
    tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  });
});
process.once('disconnect', () => process.exit());
