import type { WorkerPool } from '../../crypto/pool/pool.ts';
import { tags } from '../../crypto/channel/channel.ts';
import { connect } from '../../src/client.ts';
import type { RunningServer } from '../../src/server.ts';
import { ConnectionError } from '../../src/shared/errors.ts';
import { cuttingProxy } from '../helpers/protocol/cutting-proxy.ts';
import { tinyImage } from '../helpers/networks/networks.ts';

/** What came of a session whose connection was cut. */
export type CutSession = {
  /** The frames from the first request for an answer on; a cut after more of them comes too late. */
  readonly frames: number;
  readonly answers: readonly Float32Array[];
  /** The calls that failed with the connection. */
  readonly lost: readonly string[];
  /** The server granted so many offline phases. */
  readonly granted: number;
  /** The masked images that went to the server. Two equal ones would tell the difference of two images. */
  readonly masked: readonly string[];
};

/**
 * A client prepares two inferences, then its connection is cut after so many frames more, while it asks for an
 * answer, prepares again and asks twice more.
 */
export async function cutSession(
  server: RunningServer,
  pool: WorkerPool,
  frames: number,
  rewrite?: (frame: Buffer) => Buffer,
): Promise<CutSession> {
  const proxy = await cuttingProxy(server.url, rewrite);
  const session = await connect(proxy.url, { pool, retrySeconds: 20 });
  await session.prepare();
  await session.prepare();
  proxy.cutAfter(frames);
  const answers: Float32Array[] = [];
  const lost: string[] = [];
  const attempt = async (name: string, call: () => Promise<void>) => {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      lost.push(name);
    }
  };
  const ask = async () => void answers.push((await session.infer(tinyImage())).logits!);
  await attempt('first', ask);
  await attempt('prepare', () => session.prepare());
  await attempt('second', ask);
  await attempt('third', ask);
  await session.close();
  proxy.close();
  const payloads = (tag: number) => proxy.passed.filter((frame) => frame.tag === tag).map((f) => f.payload);
  return {
    frames: proxy.counted,
    answers,
    lost,
    granted: payloads(tags.grant).length,
    masked: payloads(tags.masked).map((payload) => payload.toString('hex')),
  };
}
