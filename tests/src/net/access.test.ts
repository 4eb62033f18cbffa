import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import { connect } from '../../../src/client.ts';
import { Access } from '../../../src/net/access.ts';
import { startServer } from '../../../src/server.ts';
import { RefusedError, UsageError } from '../../../src/shared/errors.ts';
import { servedNet } from '../fixtures/served-net.ts';

const tokens = ['first-token-0123456789', 'second-token-0123456789'];

describe('who may ask', () => {
  test('a token of the list names the client; none, a wrong or a half one does not', () => {
    const access = new Access({ tokens });
    expect(access.admit(`Bearer ${tokens[1]}`, '::1')).toBe('token 2');
    expect(access.admit(undefined, '::1')).toBeUndefined();
    expect(access.admit(`Bearer ${tokens[1]!.slice(0, -1)}`, '::1')).toBeUndefined();
    expect(access.admit(tokens[1], '::1')).toBeUndefined();
    expect(access.admit('Bearer ', '::1')).toBeUndefined();
  });

  test('without tokens the address names the client', () => {
    expect(new Access({}).admit(undefined, '192.0.2.1')).toBe('192.0.2.1');
  });

  test.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2:ffff::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['fd00::5', 'fd00::5'],
    ['::1', '::1'],
  ])('without tokens %s counts as %s: a machine has a whole network of IPv6 addresses', (address, client) => {
    expect(new Access({}).admit(undefined, address)).toBe(client);
  });

  test.each(['short', 'with a space in the middle', '', 'x'.repeat(501)])(
    'the token %j is refused and not shown',
    (token) => {
      expect(() => new Access({ tokens: [token] })).toThrow(/^token 1: expected 16 to 500 visible/);
      expect(() => new Access({ tokens: [token] })).toThrow(UsageError);
    },
  );
});

test('a client begins so many inferences in any minute, others are not counted with it', () => {
  const access = new Access({ perMinute: 2 });
  expect([0, 30_000, 59_999].map((now) => access.begin('a', now))).toEqual([0, 0, 0.001]);
  expect(access.begin('b', 59_999)).toBe(0);
  // The one of 0 ms has left the window, the one of 30,000 ms has not.
  expect([60_001, 60_002].map((now) => access.begin('a', now))).toEqual([0, 29.998]);
});

describe('a server with tokens and a rate', () => {
  const pool = new ThreadPool(1);
  let prepared: Prepared;
  let images: Float32Array[];
  beforeAll(async () => {
    ({ prepared, images } = await servedNet());
  });
  afterAll(() => pool.close());

  test('serves who shows a token, as often as allowed', async () => {
    const server = await startServer({ ...prepared, threads: 1, tokens, perMinute: 1 });
    try {
      await expect(connect(server.url, { pool })).rejects.toThrow(/only clients with a token/);
      const unknown = connect(server.url, { pool, token: 'no-such-token-0123456789' });
      await expect(unknown).rejects.toThrow(/it does not know this token/);
      const session = await connect(server.url, { pool, token: tokens[0]! });
      expect((await session.infer(images[0]!)).logits).toHaveLength(5);
      expect(session.limits).toEqual({ prepared: 4, perMinute: 1, idleSeconds: 300, resumeSeconds: 60 });
      const refused = session.infer(images[0]!);
      await expect(refused).rejects.toThrow(/begin 1 inferences a minute; try again in \d/);
      await expect(refused).rejects.toThrow(RefusedError);
      await session.close();
    } finally {
      await server.close();
    }
  });
});
