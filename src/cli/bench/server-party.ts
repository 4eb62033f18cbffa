// The server's process of `bench model`.
import { randomNetwork, preparedOnNoise } from '../../../pipelines/bench-model.ts';
import { planHash } from '../../../pipelines/plan.ts';
import { startServer } from '../../server.ts';
import type { RunningServer } from '../../server.ts';
import { openModel } from '../inputs.ts';
import { usage } from './messages.ts';
import type { FromServer, ServerPhases, ToServer } from './messages.ts';

let server: RunningServer | undefined;
let phases: ServerPhases | null = null;

function tell(message: FromServer): void {
  process.send!(message);
}

async function start({ network, threads }: Extract<ToServer, { kind: 'start' }>): Promise<void> {
  const model = typeof network === 'string' ? await openModel(network) : randomNetwork(network);
  const { plan, weights } = await preparedOnNoise(model);
  server = await startServer({
    ...{ plan, weights },
    ...(threads !== undefined && { threads }),
    onEvent: (event) => {
      if (event.kind === 'inference') phases = event;
    },
  });
  tell({ kind: 'ready', url: server.url, planHash: planHash(plan) });
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
