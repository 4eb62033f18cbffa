import { activationOfflineClient, activationOfflineServer } from '../crypto/steps/activation.ts';
import { clientReply, serverFinish, serverMessage } from '../crypto/steps/activation.ts';
import { otClient, otServer } from '../crypto/ot/session.ts';
import { share } from '../crypto/share.ts';
import type { ActivationSpec } from '../crypto/steps/spec.ts';
import { frameHeaderBytes } from '../src/shared/channel.ts';
import { memoryChannels } from '../src/shared/memory-channel.ts';
import { randomWords, systemRng } from '../src/shared/random.ts';
import type { Rng } from '../src/shared/random.ts';

export type ReluBench = {
  readonly offline_seconds: number;
  /** both directions, frame headers included; base OT left out: it is paid once a session */
  readonly offline_bytes: number;
  readonly online_seconds: number;
  readonly online_bytes: number;
  readonly online_us_per_relu: number;
};

/** `count` ReLUs with window [k, bits], truncation by 8 bits; a layer of one channel. */
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

/** Uniform in (-2^(bits - 1), 2^(bits - 1)). */
function randomValues(count: number, bits: number, rng: Rng): Int32Array {
  return new Int32Array(randomWords(rng, count).buffer).map((word) => word >> (32 - bits));
}

/**
 * Times one layer of ReLUs with both parties in this thread, their work in sequence, real OT and garbled circuits. It
 * verifies nothing. Two layers run before the one that is timed, so that the compiler has seen the loops.
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
  const once = async (step: number): Promise<ReluBench> => {
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
    const online_seconds = (performance.now() - middle) / 1e3;
    return {
      offline_seconds: (middle - start) / 1e3,
      offline_bytes: toServer.traffic.sent + toServer.traffic.received - before,
      online_seconds,
      online_bytes: message.byteLength + reply.byteLength + 2 * frameHeaderBytes,
      online_us_per_relu: (1e6 * online_seconds) / count,
    };
  };
  for (const step of [1, 2]) await once(step);
  return once(3);
}
