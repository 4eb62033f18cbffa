// The process that calibrates and compiles a model for `preparedApart`.
import { benchedNetwork, preparedOnNoise } from '../../../pipelines/bench/network.ts';
import { serialisePlan } from '../../../pipelines/plan/codec.ts';
import { answerParent } from '../../shared/child-process.ts';
import type { Tell } from '../../shared/child-process.ts';
import { preparedModel } from './prepared.ts';
import type { PreparedModel } from './prepared.ts';
import { messagesOf } from './prepared-apart.ts';
import type { FromPreparer, ToPrepare, ToPreparer } from './prepared-apart.ts';

async function preparedHere(what: ToPrepare, tell: Tell<FromPreparer>): Promise<PreparedModel> {
  const says = {
    onProgress: (event: Extract<FromPreparer, { kind: 'progress' }>['event']) =>
      void tell({ kind: 'progress', event }),
    warn: (text: string) => void tell({ kind: 'warning', text }),
  };
  if ('network' in what) {
    return preparedOnNoise(await benchedNetwork(what.network), says.onProgress, what.options?.answer);
  }
  return preparedModel(what.model, what.data, says, what.options, what.flags);
}

answerParent<ToPreparer, FromPreparer>(async ({ what }, tell) => {
  const prepared = await preparedHere(what, tell);
  // One at a time: a message in the pipe is held whole by both processes.
  for (const message of messagesOf(prepared, serialisePlan(prepared.plan))) await tell(message);
});
