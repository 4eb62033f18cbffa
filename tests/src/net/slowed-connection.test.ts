import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { settingsFor } from '../../../pipelines/cost/transfer-settings.ts';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import { profiles } from '../../../pipelines/cost/profiles.ts';
import { connect } from '../../../src/client.ts';
import { slowedConnection } from '../../../src/net/throttle.ts';
import { startServer } from '../../../src/server.ts';
import { servedNet } from '../fixtures/served-net.ts';

const pool = new ThreadPool(1);
afterAll(() => pool.close());

const fixture = (kind: string) =>
  fileURLToPath(new URL(`../fixtures/test-only.${kind}.pem`, import.meta.url));

test.each([
  ['plain', false],
  ['under TLS', true],
])(
  'an inference over real sockets is never faster than the network allows, its bytes are the same: %s',
  async (_name, secure) => {
    const { prepared, images } = await servedNet();
    const tls = { cert: fixture('cert'), key: fixture('key') };
    const server = await startServer({ ...prepared, threads: 1, ...(secure && { tls }) });
    // Over the WAN the client asks for deeper trees of transfers than it does by default.
    const cost = predictCost(prepared.plan, settingsFor(prepared.plan, { profile: profiles.wan }));
    try {
      const options = { pool, profile: profiles.wan, ...(secure && { ca: readFileSync(tls.cert) }) };
      const session = await connect(server.url, options);
      const { offline, online } = await session.infer(images[0]!);
      await session.close();
      const wire = (8 * (cost.online.bytes_up + cost.online.bytes_down)) / profiles.wan.bitsPerSecond;
      expect(online.seconds).toBeGreaterThan(wire + cost.rounds * profiles.wan.roundTripSeconds);
      expect(offline.seconds).toBeGreaterThan((8 * cost.offline.bytes_up) / profiles.wan.bitsPerSecond);
      expect(offline).toMatchObject(cost.offline);
      expect(online).toMatchObject({ ...cost.online, rounds: cost.rounds });
    } finally {
      await server.close();
    }
  },
  180_000,
);

test('a peer that is not there is named, as without a profile', async () => {
  await expect(connect('ws://127.0.0.1:1', { pool, profile: profiles.lan })).rejects.toThrow(
    'server ws://127.0.0.1:1: connect ECONNREFUSED',
  );
});

test('a depth of transfers that no session has is refused before anything is sent', async () => {
  for (const transferDepth of [0, 9, 2.5, NaN]) {
    await expect(connect('ws://127.0.0.1:1', { pool, transferDepth })).rejects.toThrow(
      `transferDepth: expected 1 to 8, got ${transferDepth}`,
    );
  }
});

test('loopback is left alone', () => {
  expect(slowedConnection(profiles.loopback, false)).toBeUndefined();
});
