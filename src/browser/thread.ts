import { browserPlatform } from '../../crypto/platform/browser.ts';
import { serveJobs } from '../../crypto/worker/web-thread.ts';
import type { WorkerEnd } from '../../crypto/worker/web-thread.ts';
import { fetchSeal, fetchWasm } from './assets.ts';

// The entry of a pool's worker.
serveJobs(globalThis as unknown as WorkerEnd, browserPlatform(fetchWasm, fetchSeal));
