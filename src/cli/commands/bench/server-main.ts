// The process of the server in `bench model`.
import { benchedNetwork, preparedOnNoise } from '../../../../pipelines/bench/network.ts';
import type { Prepared } from '../../../../pipelines/compile/served-plan.ts';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import { startServer } from '../../../server.ts';
import { answerParent } from '../../../shared/child-process.ts';
import { defined } from '../../../shared/defined.ts';
import { silent } from '../../../shared/progress.ts';
import { compileOptionsOf } from '../../options/compile.ts';
import { preparedModel } from '../../options/prepared.ts';
import { usage } from './messages.ts';
import type { FromServer, ServerPhases, ToServer } from './messages.ts';

let phases: ServerPhases | null = null;

type Start = Extract<ToServer, { kind: 'start' }>;

async function start(message: Start): Promise<FromServer> {
  const { threads, host } = message;
  const warnings: string[] = [];
  const { plan, weights } = await preparedNetwork(message, (warning) => warnings.push(warning));
  const server = await startServer({
    ...{ plan, weights, host },
    ...defined({ threads }),
    onEvent: (event) => {
      if (event.kind === 'inference') phases = event;
    },
  });
  return { kind: 'ready', url: server.url, planHash: planHash(plan), warnings };
}

async function preparedNetwork(
  { network, answer }: Start,
  warn: (warning: string) => void,
): Promise<Prepared> {
  if ('arch' in network) return preparedOnNoise(await benchedNetwork(network), silent, answer);
  const { model, data, flags, ...windows } = network;
  const options = await compileOptionsOf({ ...windows, ...defined({ answer }) });
  return preparedModel(model, data, { onProgress: silent, warn }, options, flags);
}

answerParent<ToServer, FromServer>(async (message, tell) => {
  await tell(message.kind === 'start' ? await start(message) : { kind: 'usage', phases, ...usage() });
});
