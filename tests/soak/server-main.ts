// The server of the soak, in a process of its own. All clients share one machine, so they get longer to say
// what they want. It answers each message of its parent with what it measures.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { startServer } from '../../src/server.ts';
import { answerParent } from '../../src/shared/child-process.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import { loadModel } from '../../models/files/read.ts';
import { randomImages } from '../helpers/data/data.ts';
import { seededRng } from '../helpers/rng.ts';
import { tinyPlan, tinyWeights } from '../helpers/networks/networks.ts';
import type { Start, Measured } from './messages.ts';

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const refused: Record<string, number> = {};
let inferences = 0;

/** A network of real size; that its answers mean nothing costs no time. */
async function zooNetwork() {
  const model = await loadModel('zoo:fashion-resnet8');
  const calibration = { images: randomImages(model, 16, seededRng('soak')), n: 16 };
  return { name: 'zoo', ...(await prepare(model, { calibration })) };
}

const models = [{ name: 'tiny', plan: tinyPlan, weights: tinyWeights() }, await zooNetwork()];
const server = await startServer({
  ...{ models, maxSessions: 200, maxPrepared: 8, resumeSeconds: 5, handshakeSeconds: 120 },
  onEvent: (event) => {
    if (event.kind === 'inference') inferences++;
    if (event.kind === 'refused' || event.kind === 'limited') {
      refused[event.reason] = (refused[event.reason] ?? 0) + 1;
    }
  },
});

answerParent<Start, Measured>(async (_, tell) => {
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  const memory = { heapUsed, external, arrayBuffers, rss };
  await tell({
    kind: 'measured',
    url: server.url,
    inferences,
    refused,
    memory,
    delayP99: delay.percentile(99) / 1e6,
  });
  delay.reset();
});
