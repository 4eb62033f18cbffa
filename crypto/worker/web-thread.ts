import { readClientKernels } from '../he/kernels.ts';
import { usePlatform } from '../platform/platform.ts';
import type { Platform } from '../platform/platform.ts';
import type { Task } from '../pool/pool.ts';
import { releaseAll } from '../../src/shared/release.ts';
import { loadRing } from '../ring/kernels.ts';
import { perform } from './perform.ts';
import type { Performed } from './perform.ts';

/** What is used of a worker's own end, or of a port to it. */
export type WorkerEnd = {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown, transfer: (ArrayBuffer | Port)[]): void;
};

/** What is used of a MessagePort. TypeScript declares a browser's only in the DOM library. */
export type Port = WorkerEnd & { close(): void };

/**
 * Does these jobs, a client's, when they come to this worker. Those that come before the platform is ready
 * wait for it.
 */
export function serveJobs(end: WorkerEnd, opening: Promise<Platform>, jobs: Performed): void {
  const tools = opening.then(async (platform) => {
    usePlatform(platform);
    const [ring, heKernels] = await Promise.all([loadRing(), readClientKernels()]);
    return { ring, heKernels };
  });
  end.onmessage = ({ data }) => {
    void tools
      .then((ready) => perform(jobs, data as Task, ready))
      .catch((error: unknown) => ({ outcome: { failure: String(error) }, moved: [] }))
      .then(({ outcome, moved }) => end.postMessage(outcome, [...moved]))
      // What came in is this worker's alone: copies, or what moved here.
      .then(() => releaseAll(data));
  };
}
