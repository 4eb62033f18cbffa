import { expect } from 'vitest';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import type { HeClient, HeServer } from '../../../crypto/he/linear.ts';
import type { LinearSpec } from '../../../crypto/spec.ts';
import {
  heSetupClient,
  heSetupServer,
  linearOfflineClient,
  linearOfflineServer,
  requestBytes,
  responseBytes,
} from '../../../crypto/steps/linear.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { seededRng } from '../../helpers/rng.ts';

/** Shares added up. */
export const sum = (a: Uint32Array, b: Uint32Array) => a.map((value, i) => value + b[i]!);

/** What the two shares of one exchange add up to. */
async function exchange(
  c: HeClient,
  s: HeServer,
  spec: LinearSpec,
  id: string,
  weights: Int32Array,
  input: Uint32Array,
) {
  const { response, shares } = await s.respond(spec, id, weights, await c.encrypt(spec, input));
  return sum(await c.decrypt(spec, response), shares);
}

/** Both parties of linear steps, on one pool of two threads, which the caller closes. */
export async function linearParties(seed: string) {
  const rng = seededRng(seed);
  const pool = new ThreadPool(2);
  const [a, b] = memoryChannels();
  const [client, server] = await Promise.all([
    heSetupClient(pool, a, 0, rng),
    heSetupServer(pool, b, 0, rng),
  ]);

  /** Runs the offline step and returns both shares; checks that the wire carried what the plan says. */
  async function offline(spec: LinearSpec, id: string, weights: Int32Array, input: Uint32Array) {
    const [ofClient, ofServer] = memoryChannels();
    const [c, s] = await Promise.all([
      linearOfflineClient(client, ofClient, 3, spec, input),
      linearOfflineServer(server, ofServer, 3, spec, id, weights),
    ]);
    expect(ofClient.traffic.sent).toBe(16 + requestBytes(spec));
    expect(ofClient.traffic.received).toBe(16 + responseBytes(spec));
    return { c, s };
  }

  return { rng, pool, client, server, offline, exchange };
}
