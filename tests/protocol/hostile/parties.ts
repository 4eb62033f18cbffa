import { seedPartBytes } from '../../../crypto/he/keys.ts';
import type { SeedParts } from '../../../crypto/he/keys.ts';
import { HeClient } from '../../../crypto/he/linear.ts';
import type { WorkerPool } from '../../../crypto/pool/pool.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import {
  heOpenClient,
  heSetupServer,
  linearOfflineClient,
  linearOfflineServer,
} from '../../../crypto/steps/linear.ts';
import { offlineClient, offlineServer } from '../../../pipelines/inference/offline.ts';
import { onlineClient, onlineServer } from '../../../pipelines/inference/online.ts';
import { greetClient, greetServer } from '../../../src/net/handshake.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import type { Channel } from '../../../crypto/channel/channel.ts';
import { MemoryChannel } from '../../../crypto/channel/memory.ts';
import { clientActivationWork, serverActivationWork } from '../../../crypto/steps/activation/work.ts';
import { dealtOt } from '../../helpers/protocol/dealt-ot.ts';
import { seededRng } from '../../helpers/rng.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../../helpers/networks/networks.ts';
import { offering } from '../../helpers/protocol/offers.ts';

/**
 * Both parties of a whole inference on the tiny plan, in one process, with everything real but the base
 * transfers. With the same `seed` a party does the same every time (the randomness of homomorphic encryption
 * aside, on which one decrypted number in 20 depends by one unit), so that a party can be run alone against the recorded
 * frames of the other, unchanged or not.
 */
export type Side = 'client' | 'server';
/** Resolves to what the party ends with: the client's logits, nothing at the server. */
export type Party = (channel: Channel) => Promise<readonly number[]>;

export type Parties = { readonly [side in Side]: Party };

type Keys = { readonly he: HeClient; readonly publicKey: Uint8Array };

/** The client's keys for parts of the seeds, made once for each: they take a second. */
export class KeyRing {
  readonly #pool: WorkerPool;
  readonly #made = new Map<string, Promise<Keys>>();

  constructor(pool: WorkerPool) {
    this.#pool = pool;
  }

  for(parts: SeedParts): Promise<Keys> {
    const name = `${parts.client.join()}/${parts.server.join()}`;
    const made = this.#made.get(name) ?? this.#make(parts);
    this.#made.set(name, made);
    return made;
  }

  async #make(parts: SeedParts): Promise<Keys> {
    const he = await HeClient.create(this.#pool);
    return { he, publicKey: await he.publicKey(parts) };
  }
}

export function partiesOf(pool: WorkerPool, keyRing: KeyRing, seed: string): Parties {
  const ot = () => dealtOt(seededRng(`ot ${seed}`));
  return {
    client: async (channel) => {
      const rng = seededRng(`client ${seed}`);
      const { plan } = await greetServer(channel);
      const part = await heOpenClient(channel, 0, rng);
      const other = await channel.receive(tags.heSeedPart, 0, seedPartBytes);
      const { he, publicKey } = await keyRing.for({ client: part, server: other });
      await channel.send(tags.hePublicKey, 0, publicKey);
      const { offline } = await offlineClient(channel, plan, {
        ot: (await ot())[0],
        rng,
        work: await clientActivationWork(),
        linear: (lane, id, spec, input) => linearOfflineClient(he, lane, id, spec, input),
      });
      return [...(await onlineClient(channel, plan, offline, tinyImage())).answer.logits!];
    },
    server: async (channel) => {
      const rng = seededRng(`server ${seed}`);
      const weights = tinyWeights();
      await greetClient(channel, offering(tinyPlan));
      const keys = await heSetupServer(pool, channel, 0, rng);
      const { offline } = await offlineServer(channel, tinyPlan, weights, {
        ot: (await ot())[1],
        rng,
        work: await serverActivationWork(pool),
        linear: (lane, id, spec, own) =>
          linearOfflineServer(keys, lane, id, spec, `hostile/${id}`, own.weights),
      });
      await onlineServer(channel, tinyPlan, weights, offline, await loadRing());
      return [];
    },
  };
}

/** A channel that keeps every frame it is given. */
class RecordedChannel extends MemoryChannel {
  readonly frames: Uint8Array[] = [];

  override deliver(frame: Uint8Array): void {
    this.frames.push(frame.slice());
    super.deliver(frame);
  }
}

/** The frames that each side has received, in order. */
export type Transcript = { readonly [side in Side]: readonly Uint8Array[] };

/** Runs both and records. */
export async function record(
  parties: Parties,
): Promise<{ transcript: Transcript; answer: readonly number[] }> {
  const [client, server] = [new RecordedChannel(), new RecordedChannel()];
  client.connect(server);
  server.connect(client);
  const [answer] = await Promise.all([parties.client(client), parties.server(server)]);
  return { transcript: { client: client.frames, server: server.frames }, answer };
}

export type Outcome = { readonly answer: readonly number[] } | { readonly error: unknown };

/** One party alone; its peer says `frames`, whatever it hears, and leaves. */
export async function against(party: Party, frames: readonly Uint8Array[]): Promise<Outcome> {
  const [victim, peer] = [new MemoryChannel(), new MemoryChannel()];
  victim.connect(peer);
  // A channel releases the frames that it has taken.
  for (const frame of frames) victim.deliver(frame.slice());
  victim.peerLeft();
  try {
    return { answer: await party(victim) };
  } catch (error) {
    return { error };
  }
}
