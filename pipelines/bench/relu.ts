import '../../crypto/platform/node.ts';
import {
  activationOfflineClient,
  activationOfflineServer,
} from '../../crypto/steps/activation/activation.ts';
import { clientReply, serverFinish, serverMessage } from '../../crypto/steps/activation/activation.ts';
import { inputWords, labelWords } from '../../crypto/gc/circuit.ts';
import { garble } from '../../crypto/gc/garble.ts';
import { saltBytes } from '../../crypto/hash.ts';
import { otClient, otServer } from '../../crypto/ot/session.ts';
import { share } from '../../crypto/share.ts';
import type { ActivationSpec } from '../../crypto/spec.ts';
import { frameHeaderBytes } from '../../crypto/channel/channel.ts';
import { median } from '../../src/shared/median.ts';
import { memoryChannels } from '../../crypto/channel/memory.ts';
import { randomWords, systemRng } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';

export type ReluBench = {
  readonly offline_seconds: number;
  /** both directions with frame headers; without the base OT, which is paid once per session */
  readonly offline_bytes: number;
  readonly online_seconds: number;
  readonly online_bytes: number;
  readonly online_us_per_relu: number;
  /** the part of the offline time that garbles the circuits */
  readonly garbling_us_per_relu: number;
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

/** The layers that run first, so that the compiler has seen the loops, and the layers that are timed. */
const [warmUps, timed] = [2, 5];

/**
 * Times layers of ReLUs and returns medians. Both parties run in this thread, one after the other, with real
 * OT and garbled circuits. It verifies nothing.
 */
export async function benchRelu(
  options: { count: number; k: number; bits: number },
  rng: Rng = systemRng,
): Promise<ReluBench> {
  const { count, k, bits } = options;
  const spec = reluSpec(count, k, bits);
  const [toServer, toClient] = memoryChannels();
  const [client, server] = await Promise.all([otClient(toServer, rng), otServer(toClient, rng)]);
  const noProducts = () => Promise.resolve(new Uint32Array());
  const once = async (step: number) => {
    const x = share(randomValues(count, bits, rng), rng);
    const before = toServer.traffic.sent + toServer.traffic.received;
    const start = performance.now();
    const [c, s] = await Promise.all([
      activationOfflineClient(toServer, step, client, noProducts, spec, x.client, rng),
      activationOfflineServer(toClient, step, server, noProducts, spec, rng),
    ]);
    const middle = performance.now();
    const message = serverMessage(s, x.server);
    const reply = clientReply(c, message);
    serverFinish(s, reply);
    const end = performance.now();
    return {
      offline: (middle - start) / 1e3,
      online: (end - middle) / 1e3,
      garbling: garblingSeconds(count, bits - k + 1, rng),
      offline_bytes: toServer.traffic.sent + toServer.traffic.received - before,
      online_bytes: message.byteLength + reply.byteLength + 2 * frameHeaderBytes,
    };
  };
  const runs: Awaited<ReturnType<typeof once>>[] = [];
  for (let step = 1; step <= warmUps + timed; step++) runs.push(await once(step));
  const { offline_bytes, online_bytes } = runs.at(-1)!;
  const middleOf = (time: 'offline' | 'online' | 'garbling') =>
    median(runs.slice(warmUps).map((run) => run[time]));
  const online_seconds = middleOf('online');
  return {
    offline_seconds: middleOf('offline'),
    ...{ offline_bytes, online_seconds, online_bytes },
    online_us_per_relu: (1e6 * online_seconds) / count,
    garbling_us_per_relu: (1e6 * middleOf('garbling')) / count,
  };
}

/** The seconds of garbling the circuits, without oblivious transfers. */
function garblingSeconds(count: number, wires: number, rng: Rng): number {
  const [evaluatorZero, garblerZero] = [0, 1].map(() => randomWords(rng, inputWords({ wires, count })));
  const delta = randomWords(rng, labelWords);
  delta[0]! |= 1;
  const input = { ...{ wires, count, delta }, evaluatorZero: evaluatorZero!, garblerZero: garblerZero! };
  const salt = rng.bytes(saltBytes);
  const start = performance.now();
  garble({ ...input, salt });
  return (performance.now() - start) / 1e3;
}
