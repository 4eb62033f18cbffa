import { browserPlatform } from '../../crypto/platform/browser.ts';
import { clientJobs } from '../../crypto/worker/client-jobs.ts';
import { serveJobs } from '../../crypto/worker/web-thread.ts';
import type { Port, WorkerEnd } from '../../crypto/worker/web-thread.ts';
import { fetchSeal, fetchWasm } from './assets.ts';

// The entry of a pool's worker. The first message is the port from which jobs come.
const platform = browserPlatform(fetchWasm, fetchSeal);
(globalThis as unknown as WorkerEnd).onmessage = ({ data }) => serveJobs(data as Port, platform, clientJobs);
