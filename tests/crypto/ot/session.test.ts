import { waysOf } from '../../../crypto/ot/transfers.ts';
import { beforeAll, expect, test } from 'vitest';
import { iterationsOf } from '../../../crypto/ot/silent-sets.ts';
import { otClient, otServer } from '../../../crypto/ot/session.ts';
import type { OtClient, OtServer } from '../../../crypto/ot/session.ts';
import { frameHeaderBytes, tagName, tags } from '../../../crypto/channel/channel.ts';
import type { Channel, Tag } from '../../../crypto/channel/channel.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { realOt } from '../../helpers/protocol/activation.ts';
import { seededRng } from '../../helpers/rng.ts';

let real: [OtClient, OtServer];
beforeAll(async () => {
  real = await realOt(seededRng('ot session'));
});

/** Bytes and frames of opening a session whose directions have so many trees, the client's first. */
function opening(up: number, down: number) {
  // 4,096 bytes of masked sums whatever the depth, and 64 a tree for the check.
  const trees = (count: number) => frameHeaderBytes + 4096 + 64 * count;
  // 128 rows and as many of the check.
  const rows = frameHeaderBytes + (up - 1) * 32 + 48;
  return {
    sent: frameHeaderBytes + 32 + trees(up) + rows + frameHeaderBytes + 16,
    received: frameHeaderBytes + 128 * 64 + trees(down),
  };
}

test('opening a session costs six frames: key, trees, rows, flips; 128 pairs of points, trees', async () => {
  const rng = seededRng('bytes');
  const [toServer, toClient] = memoryChannels();
  await Promise.all([otClient(toServer, rng), otServer(toClient, rng)]);
  expect(toServer.traffic).toEqual({ ...opening(32, 32), framesSent: 4, framesReceived: 2 });
});

test('a session with trees of another depth: 64 bytes a tree, and transfers in both directions', async () => {
  const rng = seededRng('depth');
  const [toServer, toClient] = memoryChannels();
  const [client, server] = await Promise.all([
    otClient(toServer, rng, { depth: 5 }),
    otServer(toClient, rng, { depth: 5 }),
  ]);
  expect(toServer.traffic).toMatchObject(opening(26, 26));
  // The first rows of the client's choices were base transfers, and are not given again.
  for (const [choosing, offering, first] of [
    [client.choosing, server.offering, 128],
    [server.choosing, client.offering, 0],
  ] as const) {
    await Promise.all([choosing.prepare(waysOf(toServer), 64), offering.prepare(waysOf(toClient), 64)]);
    const [{ rows, choices }, offered] = await Promise.all([choosing.take(64), offering.take(64)]);
    const bit = (i: number) => (choices[i >> 3]! >> (i & 7)) & 1;
    expect(offered.first).toBe(first);
    expect(offered.rows).toEqual(rows.map((word, at) => word ^ (bit(at >> 2) * offering.delta[at & 3]!)));
  }
});

test('silent transfers, set-up included: 0.4 byte each for a million, 0.2 for ten million', async () => {
  const rng = seededRng('silent');
  const [toServer, toClient] = memoryChannels();
  const options = { depth: 5, sources: { up: 'softspoken', down: 's16' } } as const;
  const [client, server] = await Promise.all([
    otClient(toServer, rng, options),
    otServer(toClient, rng, options),
  ]);
  // The direction of silent transfers has trees of depth 8, the other one those that were asked for.
  expect(toServer.traffic).toMatchObject(opening(26, 16));

  const [near, far] = memoryChannels();
  const count = 1_000_000;
  const prepared = [
    server.choosing.prepare(waysOf(near), count),
    client.offering.prepare(waysOf(far), count),
  ];
  const [{ rows, choices }, offered] = await Promise.all([
    server.choosing.take(count),
    client.offering.take(count),
  ]);
  await Promise.all(prepared);
  const bit = (i: number) => (choices[i >> 3]! >> (i & 7)) & 1;
  let wrong = 0;
  for (let at = 0; at < rows.length; at++) {
    const expected = rows[at]! ^ (-bit(at >> 2) & client.offering.delta[at & 3]!);
    if (offered.rows[at] !== expected >>> 0) wrong++;
  }
  expect(wrong).toBe(0);
  const bytesOf = (iterations: number) =>
    iterations * (frameHeaderBytes + 122_880 + 16) +
    (15 * (73_344 + 128)) / 8 +
    48 +
    32 +
    3 * frameHeaderBytes;
  expect(near.traffic.sent + near.traffic.received).toBe(bytesOf(2));
  expect(bytesOf(2) / count).toBeLessThan(0.4);
  expect(bytesOf(iterationsOf('s16', 10 * count)) / (10 * count)).toBeLessThan(0.2);
});

/** Both ends of a session, with what each sent and every string of 16 bytes or more that it drew. */
async function recorded(seed: string, change: (tag: Tag, payload: Uint8Array, from: string) => void) {
  const sent: Uint8Array[] = [];
  const names: string[] = [];
  const drawn: Uint8Array[] = [];
  const ends = memoryChannels().map((channel, i) => ({
    channel: recording(channel, (tag, payload) => {
      change(tag, payload, i === 0 ? 'client' : 'server');
      sent.push(payload);
      names.push(`${i === 0 ? 'client' : 'server'} ${tagName(tag)}`);
    }),
    rng: noting(seededRng(`${seed} ${i}`), drawn),
  }));
  const [client, server] = await Promise.allSettled(
    ends.map(async ({ channel, rng }, i) => {
      try {
        return await [otClient, otServer][i]!(channel, rng);
      } catch (error) {
        channel.close();
        throw error;
      }
    }),
  );
  if (client === undefined || server === undefined) throw new Error('two parties');
  return { client, server, sent, names, drawn };
}

function noting(rng: Rng, drawn: Uint8Array[]): Rng {
  return {
    bytes(n) {
      const bytes = rng.bytes(n);
      if (n >= 16) drawn.push(bytes.slice());
      return bytes;
    },
  };
}

function recording(channel: Channel, note: (tag: Tag, payload: Uint8Array) => void): Channel {
  return {
    send(tag, step, payload, part) {
      note(tag, payload);
      return channel.send(tag, step, payload, part);
    },
    receive: (tag, step, length, part) => channel.receive(tag, step, length, part),
    receiveUpTo: (tag, step, length) => channel.receiveUpTo(tag, step, length),
    close: (reason) => channel.close(reason),
    traffic: channel.traffic,
  };
}

test('nothing that a party drew is sent, and no salt or Delta; Deltas and salts are new in every session', async () => {
  const { client, server, sent, drawn } = await recorded('public', () => undefined);
  if (client.status === 'rejected' || server.status === 'rejected') return expect.fail('no session');
  const parties = [client.value, server.value, ...real];
  const deltas = parties.map(({ offering }) => new Uint8Array(offering.delta.buffer));
  const salts = parties.map(({ choosing }) => choosing.salt);
  expect(drawn.length).toBeGreaterThan(300);
  const wire = Buffer.concat(sent);
  // The highest byte of a scalar or a seed is not sent either, so 15 bytes of it would do.
  for (const secret of [...drawn, ...deltas, ...salts])
    expect(wire.includes(Buffer.from(secret.subarray(0, 15)))).toBe(false);
  for (const values of [deltas, salts]) expect(new Set(values.map(String)).size).toBe(4);
  expect(deltas.every((delta) => new Set(delta).size > 8)).toBe(true);
});

test.each(['client', 'server'])('trees of a %s that fit no single tree end the session', async (cheat) => {
  const last = (tag: Tag, payload: Uint8Array, from: string) => {
    if (tag === tags.otTrees && from === cheat) payload[payload.length - 1]! ^= 1;
  };
  const { client, server } = await recorded('trees', last);
  const victim = cheat === 'client' ? server : client;
  expect(victim.status === 'rejected' && victim.reason).toBeInstanceOf(ProtocolError);
});

test('a client whose first rows have other choices in a tree is told no key that hangs on them', async () => {
  const { server, names } = await recorded('rows', (tag, payload) => {
    if (tag === tags.otExtension) payload[0]! ^= 1;
  });
  expect(server.status === 'rejected' && server.reason).toBeInstanceOf(ProtocolError);
  expect(names).toEqual([
    'client baseOtKey',
    'server baseOtPoints',
    'client otTrees',
    'client otExtension',
    'client baseOtFlips',
  ]);
});

test('without flips the client has keys of other sides, and the trees of the server are refused', async () => {
  const { client } = await recorded('flips', (tag, payload) => {
    if (tag === tags.baseOtFlips) payload[5]! ^= 1;
  });
  expect(client.status === 'rejected' && client.reason).toBeInstanceOf(ProtocolError);
});

test('a peer that sends no point, or the wrong message, is refused', async () => {
  const [toServer, peer] = memoryChannels();
  await peer.send(tags.baseOtPoints, 0, new Uint8Array(128 * 64).fill(0xff));
  await expect(otClient(toServer, seededRng('forged'))).rejects.toThrow(ProtocolError);
  const [toClient, other] = memoryChannels();
  await other.send(tags.baseOtKey, 0, new Uint8Array(31));
  await expect(otServer(toClient, seededRng('short'))).rejects.toThrow(ProtocolError);
  const [toForger, forger] = memoryChannels();
  await forger.send(tags.baseOtKey, 0, new Uint8Array(32).fill(0xff));
  await expect(otServer(toForger, seededRng('no point'))).rejects.toThrow(ProtocolError);
});
