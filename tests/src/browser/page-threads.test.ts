import { once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { afterEach, expect, test, vi } from 'vitest';
import { job, namedJobs } from '../../../crypto/pool/pool.ts';
import { WebPool } from '../../../crypto/worker/web-pool.ts';
import type { WebWorker } from '../../../crypto/worker/web-pool.ts';
import type { WorkerEnd } from '../../../crypto/worker/web-thread.ts';
import { askedThreads } from '../../../src/browser/asked-threads.ts';
import { pageThreads } from '../../../src/browser/page-threads.ts';
import type { ThreadFailure, ThreadRequest } from '../../../src/browser/page-threads.ts';

const double = namedJobs({ double: job<number, number>() }).double;

/** A browser's worker that doubles what comes through the port that it is given first. */
class Doubling implements WebWorker {
  static readonly all: Doubling[] = [];
  onmessage: WebWorker['onmessage'] = null;
  onerror: WebWorker['onerror'] = null;
  isEnded = false;
  port: MessagePort | undefined;

  constructor() {
    Doubling.all.push(this);
  }

  postMessage(port: unknown): void {
    this.port = port as MessagePort;
    this.port.on('message', ({ input }: { readonly input: number }) =>
      this.port!.postMessage({ value: 2 * input }),
    );
  }

  terminate(): void {
    this.isEnded = true;
    this.port?.close();
  }
}

/** A session and its page, whose messages reach each other at once. */
function pageAndSession() {
  Doubling.all.length = 0;
  vi.stubGlobal('Worker', Doubling);
  const session: WorkerEnd = {
    onmessage: null,
    postMessage: (failure) => asked.failed(failure as ThreadFailure),
  };
  const page = pageThreads(session);
  const asked = askedThreads({
    onmessage: null,
    postMessage: (request) => page.take(request as ThreadRequest),
  });
  return { page, pool: new WebPool(2, () => asked.start()) };
}

afterEach(() => vi.unstubAllGlobals());

test('jobs go through ports to the threads that the page has started', async () => {
  const { pool } = pageAndSession();
  expect(Doubling.all).toHaveLength(2);
  expect(await Promise.all([1, 2, 3].map((n) => pool.run(double, n)))).toEqual([2, 4, 6]);
  await pool.close();
  expect(Doubling.all.map(({ isEnded }) => isEnded)).toEqual([true, true]);
});

test('a thread that fails loses its job alone, and the page starts another', async () => {
  const { page, pool } = pageAndSession();
  Doubling.all[0]!.port!.removeAllListeners('message');
  const [lost, next] = [pool.run(double, 1), pool.run(double, 2)];
  Doubling.all[0]!.onerror!({ message: 'out of memory' });
  await expect(lost).rejects.toThrow('a worker failed: out of memory');
  expect(await next).toBe(4);
  expect(await Promise.all([3, 4].map((n) => pool.run(double, n)))).toEqual([6, 8]);
  expect(Doubling.all.map(({ isEnded }) => isEnded)).toEqual([true, false, false]);
  const closed = Doubling.all.slice(1).map(({ port }) => once(port!, 'close'));
  page.endAll();
  await Promise.all(closed);
  expect(Doubling.all.map(({ isEnded }) => isEnded)).toEqual([true, true, true]);
});
