import type { WorkerPool } from '../../crypto/pool/pool.ts';
import { loadRing } from '../../crypto/ring/kernels.ts';
import {
  heSetupClient,
  heSetupServer,
  linearOfflineClient,
  linearOfflineServer,
  linearOnline,
} from '../../crypto/steps/linear.ts';
import { inputElements, outputElements, weightCount } from '../../crypto/spec.ts';
import type { LinearSpec } from '../../crypto/spec.ts';
import { memoryChannels } from '../../crypto/channel/memory.ts';
import { randomWords, systemRng } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';

export type LinearBench = {
  /** The seconds of a server's first inference, which also transforms the weights. */
  readonly first_offline_seconds: number;
  readonly offline_seconds: number;
  /** Client to server and back, with frame headers; without the keys, which are sent once per session. */
  readonly offline_bytes_up: number;
  readonly offline_bytes_down: number;
  /** The seconds of the server's convolution in the ring; nothing is sent. */
  readonly online_seconds: number;
};

/**
 * A convolution of `channels` to as many channels on images of size x size, with a kernel x kernel window and
 * stride 1. It keeps the size.
 */
export function squareConvolution(channels: number, size: number, kernel: number): LinearSpec {
  const before = (kernel - 1) >> 1;
  const after = kernel - 1 - before;
  return {
    inChannels: channels,
    outChannels: channels,
    height: size,
    width: size,
    kernel: [kernel, kernel],
    strides: [1, 1],
    pads: [before, before, after, after],
    dilations: [1, 1],
    group: 1,
    weightBits: 7,
  };
}

/** Times one linear layer with both parties in this process, on one pool of workers. It verifies nothing. */
export async function benchLinear(
  spec: LinearSpec,
  pool: WorkerPool,
  rng: Rng = systemRng,
): Promise<LinearBench> {
  const [toServer, toClient] = memoryChannels();
  const [client, server] = await Promise.all([
    heSetupClient(pool, toServer, 0, rng),
    heSetupServer(pool, toClient, 0, rng),
  ]);
  const weights = randomWeights(spec, rng);
  const offline = async (step: number) => {
    const input = randomWords(rng, inputElements(spec));
    const [up, down] = [toServer.traffic.sent, toServer.traffic.received];
    const start = performance.now();
    await Promise.all([
      linearOfflineClient(client, toServer, step, spec, input),
      linearOfflineServer(server, toClient, step, spec, 'bench', weights),
    ]);
    return {
      seconds: (performance.now() - start) / 1e3,
      up: toServer.traffic.sent - up,
      down: toServer.traffic.received - down,
    };
  };
  const first = await offline(1);
  const second = await offline(2);
  return {
    first_offline_seconds: first.seconds,
    offline_seconds: second.seconds,
    offline_bytes_up: second.up,
    offline_bytes_down: second.down,
    online_seconds: await onlineSeconds(spec, weights, rng),
  };
}

/** Dense weights, uniform in [-2^(weightBits - 1), 2^(weightBits - 1)). */
export function randomWeights(spec: LinearSpec, rng: Rng): Int32Array {
  return new Int32Array(randomWords(rng, weightCount(spec)).buffer).map(
    (word) => word >> (32 - spec.weightBits),
  );
}

/** The seconds of the second of two runs, so that the compiler has seen the loops. */
async function onlineSeconds(spec: LinearSpec, weights: Int32Array, rng: Rng): Promise<number> {
  const ring = await loadRing();
  const bias = new Int32Array(spec.outChannels);
  const [u, s] = [randomWords(rng, inputElements(spec)), randomWords(rng, outputElements(spec))];
  linearOnline(ring, spec, { weights, bias }, u, s);
  const start = performance.now();
  linearOnline(ring, spec, { weights, bias }, u, s);
  return (performance.now() - start) / 1e3;
}
