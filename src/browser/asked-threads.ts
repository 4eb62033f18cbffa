import type { WebWorker } from '../../crypto/worker/web-pool.ts';
import type { Port, WorkerEnd } from '../../crypto/worker/web-thread.ts';
import type { ThreadFailure, ThreadRequest } from './page-threads.ts';

declare const MessageChannel: new () => { readonly port1: Port; readonly port2: Port };

/**
 * The threads of a session's pool, as the session sees them. It runs in a worker and asks its page for them:
 * a worker that starts workers itself hangs in Firefox now and then while a debugger watches the page. With
 * Firefox 153 that was one session in thirty: the two threads wait on one condition variable, and what should
 * wake the first wakes the second.
 */
export function askedThreads(page: WorkerEnd): {
  start(): WebWorker;
  failed(failure: ThreadFailure): void;
} {
  const threads: WebWorker[] = [];
  const ask = (request: ThreadRequest, ...ports: Port[]) => page.postMessage(request, ports);
  return {
    start() {
      const { port1, port2 } = new MessageChannel();
      const number = threads.length;
      ask({ startThread: number, port: port2 }, port2);
      const terminate = () => {
        port1.close();
        ask({ endThread: number });
      };
      threads.push(Object.assign(port1, { onerror: null, terminate }));
      return threads[number]!;
    },
    failed: ({ lostThread, message }) => threads[lostThread]?.onerror?.({ message }),
  };
}
