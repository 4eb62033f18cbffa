import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { connect } from '../../../src/client.ts';
import { startServer } from '../../../src/server.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../../helpers/networks/networks.ts';
import { liveEdits, LiveTarget, visitors } from './live.ts';
import type { LiveEdit } from './live.ts';
import type { Side } from './parties.ts';
import { startProxy } from './proxy.ts';

const pool = new ThreadPool(1);
afterAll(() => pool.close());

const edit = (name: string): LiveEdit => liveEdits.find((candidate) => candidate.name === name)!;

describe.each(Object.entries(visitors))('the client of %s', (_, visitor) => {
  let target: LiveTarget;
  beforeAll(async () => {
    target = await LiveTarget.start(pool, visitor);
  });
  afterAll(() => target.close());

  test.each<[Side, keyof typeof tags, string]>([
    ['server', 'linearRequest', 'all ones'],
    ['server', 'activation', 'first bit flipped'],
    ['client', 'baseOtPoints', 'all ones'],
    ['client', 'linearResponse', 'twice'],
  ])('to the %s, %s, %s: that session ends, another goes on', async (side, tag, name) => {
    const at = target.tagsTo[side].indexOf(tags[tag]);
    expect(at).toBeGreaterThan(-1);
    expect(await target.attack(side, at, edit(name))).toEqual([]);
  });
});

test('silence in place of the masked image: both give up after their idle limit', async () => {
  const closed = Promise.withResolvers<Error | undefined>();
  const server = await startServer({
    plan: tinyPlan,
    weights: tinyWeights(),
    threads: 1,
    onEvent: (event) => {
      if (event.kind === 'closed') closed.resolve(event.error);
    },
  });
  const proxy = await startProxy(server.url, (to, _, frame) =>
    to === 'server' && frame[3] === tags.masked ? [] : [frame],
  );
  const session = await connect(proxy.url, { pool });
  await session.prepare();
  // The limit of 300 s is for what is waited for from here on. A short one of real seconds would also end
  // what a busy machine takes long for.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    let ended = false;
    const both = Promise.all([
      expect(session.infer(tinyImage())).rejects.toThrow(/waited 300 s/),
      closed.promise.then((error) =>
        expect(error?.message).toMatch(/waited 300 s|the peer ended the session|the peer left/),
      ),
    ]).finally(() => (ended = true));
    // The limit of a party begins when it waits, which may be after any number of these steps.
    while (!ended) {
      await vi.advanceTimersByTimeAsync(10_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await both;
  } finally {
    vi.useRealTimers();
  }
  await session.close();
  proxy.close();
  await server.close();
});
