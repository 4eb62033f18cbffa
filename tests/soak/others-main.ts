// Other clients than the one that the soak times, in a process of their own: each asks without a pause, and
// prepares for each answer.
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { connect } from '../../src/client.ts';
import type { Session } from '../../src/client.ts';
import { answerParent } from '../../src/shared/child-process.ts';
import { zeros } from './messages.ts';
import type { Others, OthersAsk } from './messages.ts';

const [url, clients] = [process.argv[2]!, Number(process.argv[3])];
const pool = new ThreadPool(1);
let wake = Promise.withResolvers<void>();
let runs = false;
let answers = 0;

const sessions = await Promise.all(
  Array.from({ length: clients }, () => connect(url, { pool, model: 'zoo', retrySeconds: 120 })),
);
const asking = new Set<Promise<unknown>>();

async function ask(session: Session): Promise<never> {
  for (;;) {
    while (!runs) await wake.promise;
    const answer = session.infer(zeros(session.inputShape));
    asking.add(answer);
    await answer;
    asking.delete(answer);
    answers++;
  }
}

for (const session of sessions) void ask(session);

answerParent<OthersAsk, Others>(async ({ kind }, tell) => {
  runs = kind === 'run';
  wake.resolve();
  wake = Promise.withResolvers();
  if (!runs) await Promise.all(asking);
  await tell({ kind: 'others', answers });
});
