import { expect, test } from 'vitest';
import { browserPlatform } from '../../../crypto/platform/browser.ts';
import { nodePlatform } from '../../../crypto/platform/node.ts';
import { usePlatform } from '../../../crypto/platform/platform.ts';
import { heapOf } from '../../../crypto/he/heap.ts';
import { heJobs } from '../../../crypto/he/jobs.ts';
import { job, namedJobs } from '../../../crypto/pool/pool.ts';
import type { Task } from '../../../crypto/pool/pool.ts';
import { WebPool } from '../../../crypto/worker/web-pool.ts';
import type { WebWorker } from '../../../crypto/worker/web-pool.ts';
import { clientJobs } from '../../../crypto/worker/client-jobs.ts';
import { serveJobs } from '../../../crypto/worker/web-thread.ts';
import type { WorkerEnd } from '../../../crypto/worker/web-thread.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';

const double = namedJobs({ double: job<number, number>() }).double;

/** Workers that answer when they are told to. */
class HeldWorker implements WebWorker {
  onmessage: WebWorker['onmessage'] = null;
  onerror: WebWorker['onerror'] = null;
  readonly tasks: Task[] = [];
  isEnded = false;

  postMessage(message: unknown): void {
    this.tasks.push(message as Task);
  }

  answer(): void {
    const value = 2 * (this.tasks.at(-1)!.input as number);
    this.onmessage?.({ data: { value } });
  }

  terminate(): void {
    this.isEnded = true;
  }
}

function heldPool(threads: number) {
  const workers: HeldWorker[] = [];
  const pool = new WebPool(threads, () => {
    workers.push(new HeldWorker());
    return workers.at(-1)!;
  });
  return { pool, workers };
}

test('jobs wait for a free worker and come back in any order', async () => {
  const { pool, workers } = heldPool(2);
  const answers = [1, 2, 3].map((n) => pool.run(double, n));
  expect(workers.map(({ tasks }) => tasks.length)).toEqual([1, 1]);
  workers[1]!.answer();
  await expect(answers[1]).resolves.toBe(4);
  expect(workers[1]!.tasks.at(-1)).toEqual({ name: 'double', input: 3 });
  workers[1]!.answer();
  workers[0]!.answer();
  expect(await Promise.all(answers)).toEqual([2, 4, 6]);
});

test('a worker that fails loses its job alone and is replaced', async () => {
  const { pool, workers } = heldPool(1);
  const [lost, next] = [pool.run(double, 1), pool.run(double, 2)];
  workers[0]!.onerror!({ message: 'out of memory' });
  await expect(lost).rejects.toThrow('a worker failed: out of memory');
  expect(workers).toHaveLength(2);
  workers[1]!.answer();
  await expect(next).resolves.toBe(4);
  expect(workers.map(({ isEnded }) => isEnded)).toEqual([true, false]);
});

test('workers that cannot even start are not started again', async () => {
  const { pool, workers } = heldPool(2);
  for (const worker of [...workers]) worker.onerror!({ message: 'no such file' });
  expect(workers).toHaveLength(2);
  await expect(pool.run(double, 1)).rejects.toThrow('a worker failed: no such file');
});

test('closing ends workers and rejects what runs and what waits', async () => {
  const { pool, workers } = heldPool(1);
  const outcomes = Promise.allSettled([pool.run(double, 1), pool.run(double, 2)]);
  await pool.close();
  expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(workers[0]!.isEnded).toBe(true);
  await expect(pool.run(double, 3)).rejects.toThrow('used after close');
});

const { refuse } = namedJobs({ refuse: job<number, number>() });
const refusing = {
  refuse: () => {
    throw new ProtocolError('refused');
  },
};

/** A worker in this thread, whose messages are cloned as between threads. */
function workerHere(): WebWorker {
  const { port1, port2 } = new MessageChannel();
  const end: WorkerEnd = {
    onmessage: null,
    postMessage: (message, transfer) => port2.postMessage(message, transfer as ArrayBuffer[]),
  };
  port2.on('message', (data: unknown) => end.onmessage?.({ data }));
  serveJobs(end, browserPlatform(nodePlatform.readWasm), { ...clientJobs, ...refusing });
  return Object.assign(port1, {
    onerror: null,
    terminate: () => {
      port1.close();
      usePlatform(nodePlatform);
    },
  }) as unknown as WebWorker;
}

test("a worker's end does the jobs, and the classes of errors come back", async () => {
  const pool = new WebPool(1, workerHere);
  const { heap } = heapOf(pool);
  const secret = await pool.run(heJobs.generateKey, { heap });
  expect(secret.some((word) => word !== 0)).toBe(true);
  await expect(pool.run(refuse, 1)).rejects.toThrow(ProtocolError);
  await expect(pool.run(double, 1)).rejects.toThrow(/^job double: /);
  await pool.close();
});
