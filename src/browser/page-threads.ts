import type { WebWorker } from '../../crypto/worker/web-pool.ts';
import type { Port, WorkerEnd } from '../../crypto/worker/web-thread.ts';

declare const Worker: new (url: URL, options: { readonly type: 'module' }) => WebWorker;

/** What a session asks of its page: a thread at the other end of this port, or the end of a thread. */
export type ThreadRequest =
  { readonly startThread: number; readonly port: Port } | { readonly endThread: number };

/** What the page tells the session of a thread that failed. */
export type ThreadFailure = { readonly lostThread: number; readonly message: string };

/** Starts the threads that a session asks its page for, and ends them. */
export function pageThreads(session: WorkerEnd): { take(request: ThreadRequest): void; endAll(): void } {
  const threads = new Map<number, WebWorker>();
  const start = (number: number, port: Port) => {
    const thread = new Worker(new URL('./thread.js', import.meta.url), { type: 'module' });
    threads.set(number, thread);
    thread.onerror = ({ message = 'no reason given' }) =>
      session.postMessage({ lostThread: number, message } satisfies ThreadFailure, []);
    thread.postMessage(port, [port]);
  };
  const end = (number: number) => {
    threads.get(number)?.terminate();
    threads.delete(number);
  };
  return {
    take: (request) =>
      'startThread' in request ? start(request.startThread, request.port) : end(request.endThread),
    endAll: () => [...threads.keys()].forEach(end),
  };
}
