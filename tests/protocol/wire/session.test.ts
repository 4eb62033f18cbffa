import { createHash } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { openClientParty, openServerParty } from '../../../pipelines/inference/parties.ts';
import { offlineClient, offlineServer } from '../../../pipelines/inference/offline.ts';
import { MeteredChannel } from '../../../crypto/channel/meter.ts';
import { onlineClient, onlineServer } from '../../../pipelines/inference/online.ts';
import { greetClient, greetServer } from '../../../src/net/handshake.ts';
import { tagName, tags } from '../../../crypto/channel/channel.ts';
import type { Channel, Tag } from '../../../crypto/channel/channel.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { withExactLinear } from '../../helpers/protocol/exact-linear.ts';
import { seededRng } from '../../helpers/rng.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { mixedNet } from '../../helpers/networks/networks.ts';
import { offering } from '../../helpers/protocol/offers.ts';

const pool = new ThreadPool(1);
afterAll(() => pool.close());

/** Homomorphic encryption draws fresh randomness: of its frames only the length is held. */
const randomised = new Set<Tag>([
  tags.hePublicKey,
  tags.linearRequest,
  tags.linearResponse,
]);

/** Notes each frame that is sent: tag, step, length, start of the payload's SHA-256. */
class Recorder extends MeteredChannel {
  readonly rows: string[] = [];
  readonly #direction: string;

  constructor(channel: Channel, direction: string) {
    super(channel);
    this.#direction = direction;
  }

  override send(tag: Tag, step: number, payload: Uint8Array, part?: number): Promise<void> {
    const hash = createHash('sha256').update(payload).digest('hex').slice(0, 16);
    const content = randomised.has(tag) ? '-' : hash;
    this.rows.push(`${this.#direction} ${tagName(tag)} step ${step} ${payload.byteLength} ${content}`);
    return super.send(tag, step, payload, part);
  }
}

// Weights and images in sixteenths, so that no rounding of one machine or another reaches the plan.
function exactNet() {
  const model = mixedNet(seededRng('wire'));
  const round = (data: Float32Array) => data.map((w) => Math.round(w * 16) / 16);
  const weights = new Map([...model.weights].map(([name, w]) => [name, { ...w, data: round(w.data) }]));
  return { model: { ...model, weights }, images: round(randomImages(model, 4, seededRng('wire images'))) };
}

// Given, so that other defaults of the compiler move no row.
const bits = { precision: 12, weightBits: 10 };

test('with seeded randomness every frame of a session is the one in the baseline', async () => {
  const { model, images } = exactNet();
  const { plan, weights } = await prepare(model, { calibration: { images, n: 4 }, ...bits });
  const [near, far] = memoryChannels();
  const [client, server] = [new Recorder(near, 'up'), new Recorder(far, 'down')];
  await Promise.all([greetServer(client), greetClient(server, offering(plan))]);
  const opened = await Promise.all([
    openClientParty(client, pool, plan, seededRng('client')),
    openServerParty(server, pool, plan, 'wire', seededRng('server')),
  ]);
  const ring = await loadRing();
  const [clientParty, serverParty] = withExactLinear(ring, ...opened);
  const [c, s] = await Promise.all([
    offlineClient(client, plan, clientParty),
    offlineServer(server, plan, weights, serverParty),
  ]);
  const image = images.subarray(0, images.length / 4);
  await Promise.all([
    onlineClient(client, plan, c.offline, image),
    onlineServer(server, plan, weights, s.offline, ring),
  ]);
  clientParty.close();
  const rows = [...client.rows, ...server.rows];
  await expect(`${rows.join('\n')}\n`).toMatchFileSnapshot('session.txt');
});
