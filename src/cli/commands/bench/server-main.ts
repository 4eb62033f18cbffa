// The process of the server in `bench model`.
import { EventEmitter, once } from 'node:events';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import { startServer } from '../../../server.ts';
import { answerParent } from '../../../shared/child-process.ts';
import type { Tell } from '../../../shared/child-process.ts';
import { defined } from '../../../shared/defined.ts';
import type { ProgressEvent } from '../../../shared/progress.ts';
import { compileOptionsOf } from '../../options/compile.ts';
import { preparedApart } from '../../options/prepared-apart.ts';
import type { PreparedApart } from '../../options/prepared-apart.ts';
import { usage } from './messages.ts';
import type { FromServer, ServerPhases, ToServer } from './messages.ts';

let phases: ServerPhases | null = null;
let prepared = 0;
const preparations = new EventEmitter();

type Start = Extract<ToServer, { kind: 'start' }>;

async function start(message: Start, tell: Tell<FromServer>): Promise<FromServer> {
  const { threads, memory, host } = message;
  const { plan, weights } = await preparedNetwork(message, tell);
  const server = await startServer({
    ...{ plan, weights, host },
    ...defined({ threads, memory }),
    onEvent: (event) => {
      if (event.kind === 'inference') phases = event;
      if (event.kind === 'prepared') preparations.emit('one', ++prepared);
    },
  });
  return { kind: 'ready', url: server.url, planHash: planHash(plan) };
}

async function preparedNetwork({ network, answer }: Start, tell: Tell<FromServer>): Promise<PreparedApart> {
  const says = {
    onProgress: (event: ProgressEvent) => void tell({ kind: 'progress', event }),
    warn: (text: string) => void tell({ kind: 'warning', text }),
  };
  if ('arch' in network) return preparedApart({ network, ...(answer && { options: { answer } }) }, says);
  const { model, data, flags, ...compiled } = network;
  const options = await compileOptionsOf({ ...compiled, ...defined({ answer }) });
  return preparedApart({ model, data, options, ...defined({ flags }) }, says);
}

async function isPrepared(count: number): Promise<FromServer> {
  while (prepared < count) await once(preparations, 'one');
  return { kind: 'prepared' };
}

const answers: {
  readonly [K in ToServer['kind']]: (
    message: Extract<ToServer, { kind: K }>,
    tell: Tell<FromServer>,
  ) => Promise<FromServer>;
} = {
  start,
  usage: () => Promise.resolve({ kind: 'usage', phases, ...usage() }),
  prepared: ({ count }) => isPrepared(count),
};

answerParent<ToServer, FromServer>(async (message, tell) => {
  const answer = answers[message.kind] as (message: ToServer, tell: Tell<FromServer>) => Promise<FromServer>;
  await tell(await answer(message, tell));
});
