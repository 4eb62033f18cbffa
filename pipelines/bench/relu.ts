import { waysOf } from '../../crypto/ot/transfers.ts';
import '../../crypto/platform/node.ts';
import {
  activationOfflineClient,
  activationOfflineServer,
} from '../../crypto/steps/activation/activation.ts';
import { clientReply, serverFinish, serverMessage } from '../../crypto/steps/activation/activation.ts';
import { clientTransfers, serverTransfers } from '../../crypto/steps/activation/messages.ts';
import { clientKeys, serverKeys } from '../../crypto/steps/activation/transfers.ts';
import { bothActivationWork } from '../../crypto/steps/activation/work.ts';
import { otClient, otServer } from '../../crypto/ot/session.ts';
import { settingsOf } from '../cost/transfer-settings.ts';
import type { TransferMode } from '../inference/layer-transfers.ts';
import { share } from '../../crypto/share.ts';
import type { ActivationSpec } from '../../crypto/spec.ts';
import { frameHeaderBytes } from '../../crypto/channel/channel.ts';
import { median } from '../../src/shared/median.ts';
import { memoryChannels } from '../../crypto/channel/memory.ts';
import { randomWords, systemRng } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';

export type ReluBench = {
  readonly offline_seconds: number;
  /** both directions with frame headers, the mean of all runs; without the base transfers of the session */
  readonly offline_bytes: number;
  readonly online_seconds: number;
  readonly online_bytes: number;
  readonly offline_us_per_relu: number;
  readonly online_us_per_relu: number;
  /** the part of the offline time that draws, checks and hashes the transfers */
  readonly transfers_us_per_relu: number;
};

/** A layer of `count` ReLUs in one channel, with window [k, bits] and truncation by 8 bits. */
function reluSpec(count: number, k: number, bits: number): ActivationSpec {
  const one = (value: number) => Int32Array.of(value);
  return {
    channels: 1,
    channelSize: count,
    kinds: new Uint8Array(count).fill(1),
    relu: { truncate: 8, k, bits, mode: 'posZero' },
    affine: { truncate: 0, multiplier: one(1), offset: one(0) },
    square: { truncate: 0, multiplier: one(1), offset: one(0), sign: Int8Array.of(1), constant: one(0) },
  };
}

/** Uniform integers in [-2^(bits - 1), 2^(bits - 1)). */
function randomValues(count: number, bits: number, rng: Rng): Int32Array {
  return new Int32Array(randomWords(rng, count).buffer).map((word) => word >> (32 - bits));
}

/**
 * The layers that run first, until the compiler is done with all loops (the sixth is the first that takes as
 * long as the later ones), and the layers that are timed.
 */
const [warmUps, timed] = [8, 9];

/**
 * Times layers of ReLUs and returns medians. Both parties run in this thread, one after the other, with real
 * oblivious transfers. It verifies nothing.
 */
export async function benchRelu(
  options: { count: number; k: number; bits: number; transfers?: TransferMode },
  rng: Rng = systemRng,
): Promise<ReluBench> {
  const { count, k, bits, transfers = 'auto' } = options;
  const spec = reluSpec(count, k, bits);
  const [toServer, toClient] = memoryChannels();
  const [up, down] = [memoryChannels(), memoryChannels()];
  const counts = { up: clientTransfers(spec), down: serverTransfers(spec) };
  const { sources } = settingsOf(counts, { mode: transfers });
  const [client, server] = await Promise.all([
    otClient(toServer, rng, { sources }),
    otServer(toClient, rng, { sources }),
  ]);
  const work = await bothActivationWork();
  const bytes = () =>
    [toServer, up[0], down[0]].reduce((sum, { traffic }) => sum + traffic.sent + traffic.received, 0);
  const once = async (step: number) => {
    const x = share(randomValues(count, bits, rng), rng);
    const before = bytes();
    const start = performance.now();
    const drawn = [
      client.choosing.prepare(waysOf(up[0]), counts.up),
      server.offering.prepare(waysOf(up[1]), counts.up),
      server.choosing.prepare(waysOf(down[1]), counts.down),
      client.offering.prepare(waysOf(down[0]), counts.down),
    ];
    const [ofClient, ofServer] = await Promise.all([
      clientKeys(client, spec, work, rng),
      serverKeys(server, spec, work),
      ...drawn,
    ]);
    const keys = performance.now();
    const [c, s] = await Promise.all([
      activationOfflineClient(toServer, step, ofClient, work, spec, x.client, randomWords(rng, count)),
      activationOfflineServer(toClient, step, ofServer, work, spec),
    ]);
    const middle = performance.now();
    const message = serverMessage(s, x.server);
    const reply = clientReply(c, message);
    serverFinish(s, reply);
    const end = performance.now();
    return {
      offline: (middle - start) / 1e3,
      online: (end - middle) / 1e3,
      transfers: (keys - start) / 1e3,
      offline_bytes: bytes() - before,
      online_bytes: message.byteLength + reply.byteLength + 2 * frameHeaderBytes,
    };
  };
  const runs: Awaited<ReturnType<typeof once>>[] = [];
  for (let step = 1; step <= warmUps + timed; step++) runs.push(await once(step));
  const { online_bytes } = runs.at(-1)!;
  // Transfers that one run leaves over serve the next.
  const offline_bytes = runs.reduce((sum, run) => sum + run.offline_bytes, 0) / runs.length;
  const middleOf = (time: 'offline' | 'online' | 'transfers') =>
    median(runs.slice(warmUps).map((run) => run[time]));
  const [offline_seconds, online_seconds] = [middleOf('offline'), middleOf('online')];
  return {
    ...{ offline_seconds, offline_bytes, online_seconds, online_bytes },
    offline_us_per_relu: (1e6 * offline_seconds) / count,
    online_us_per_relu: (1e6 * online_seconds) / count,
    transfers_us_per_relu: (1e6 * middleOf('transfers')) / count,
  };
}
