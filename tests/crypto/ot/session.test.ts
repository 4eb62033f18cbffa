import { beforeAll, expect, test } from 'vitest';
import { extensionBytes } from '../../../crypto/ot/extension.ts';
import { idealOt } from '../../helpers/ideal-ot.ts';
import { otClient, otServer } from '../../../crypto/ot/session.ts';
import type { OtClient, OtServer } from '../../../crypto/ot/session.ts';
import { frameHeaderBytes, tags } from '../../../crypto/channel/channel.ts';
import type { Channel, Tag } from '../../../crypto/channel/channel.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { realOt } from '../../helpers/activation.ts';
import { seededRng } from '../../helpers/rng.ts';
import { sixSigma, wordsZ } from '../../helpers/statistics.ts';

let real: [OtClient, OtServer];
beforeAll(async () => {
  real = await realOt(seededRng('ot session'));
});

const randomChoices = (n: number, seed: string) =>
  seededRng(seed)
    .bytes(n)
    .map((byte) => byte & 1);

/** Both directions of a pair of parties. */
const directions = ([client, server]: [OtClient, OtServer]) =>
  [
    [client.receiver, server.sender],
    [server.receiver, client.sender],
  ] as const;

const pairs = [
  ['SoftSpoken', () => real],
  ['the ideal functionality', () => idealOt(seededRng('ideal'))],
] as const;

test.each(pairs)('%s: q = t xor c Delta, in both directions, for any count', (_, make) => {
  for (const [receiver, sender] of directions(make())) {
    for (const count of [1, 127, 128, 129, 1000]) {
      const choices = randomChoices(count, `choices ${count}`);
      const { message, rows } = receiver.extend(choices);
      expect(message.byteLength).toBe(extensionBytes(count));
      const q = sender.extend(message, count);
      const expected = rows.map((word, at) => word ^ (choices[at >> 2]! * sender.delta[at & 3]!));
      expect(q).toEqual(expected);
    }
    expect(sender.delta[0]! & 1).toBe(1);
  }
});

test.each(pairs)('%s: random OT gives the chosen key, the other is unrelated', (_, make) => {
  for (const [receiver, sender] of directions(make())) {
    const choices = randomChoices(20_000, 'rot');
    const { message, rows } = receiver.extend(choices);
    const { k0, k1 } = sender.keyPairs(sender.extend(message, choices.length));
    expect(receiver.keys(rows)).toEqual(k0.map((key, i) => (choices[i] === 0 ? key : k1[i]!)));
    for (const words of [k0, k1, k0.map((key, i) => key ^ k1[i]!), k0.map((key, i) => key - k1[i]!)]) {
      expect(wordsZ(words)).toBeLessThan(sixSigma);
    }
  }
});

test('the receiver’s message does not show its choices', () => {
  const [client, server] = real;
  for (const choices of [new Uint8Array(1024), new Uint8Array(1024).fill(1)]) {
    const { message } = client.receiver.extend(choices);
    server.sender.extend(message, 1024);
    expect(wordsZ(new Uint32Array(message.buffer, 0, message.length >> 2))).toBeLessThan(sixSigma);
  }
});

test('no row comes twice', () => {
  const [client, server] = real;
  const choices = randomChoices(128, 'same');
  const [first, second] = [client.receiver.extend(choices), client.receiver.extend(choices)];
  expect(first.rows).not.toEqual(second.rows);
  server.sender.extend(first.message, 128);
  server.sender.extend(second.message, 128);
  expect(client.receiver.keys(first.rows)).not.toEqual(client.receiver.keys(first.rows));
  server.sender.keyPairs(new Uint32Array(4 * 128));
  server.sender.keyPairs(new Uint32Array(4 * 128));
});

test('a message of another length is refused', () => {
  for (const [receiver, sender] of directions(idealOt(seededRng('length')))) {
    const { message } = receiver.extend(new Uint8Array(5));
    expect(() => sender.extend(message.subarray(16), 5)).toThrow(ProtocolError);
    expect(() => sender.extend(message, 129)).toThrow(ProtocolError);
  }
  const { message } = real[0].receiver.extend(new Uint8Array(5));
  expect(() => real[1].sender.extend(message.subarray(16), 5)).toThrow(ProtocolError);
  real[1].sender.extend(message, 5);
});

test('base OT costs six frames: two keys, two times 128 pairs of points, and the trees of both', async () => {
  const rng = seededRng('bytes');
  const [toServer, toClient] = memoryChannels();
  await Promise.all([otClient(toServer, rng), otServer(toClient, rng)]);
  // 4,096 bytes of masked sums whatever the depth, and 64 a tree for the check.
  const each = 3 * frameHeaderBytes + 32 + 128 * 64 + 4096 + 32 * 64;
  expect(toServer.traffic).toEqual({ sent: each, received: each, framesSent: 3, framesReceived: 3 });
});

test('a session with trees of another depth: 64 bytes a tree, and transfers in both directions', async () => {
  const rng = seededRng('depth');
  const [toServer, toClient] = memoryChannels();
  const [client, server] = await Promise.all([
    otClient(toServer, rng, { depth: 5 }),
    otServer(toClient, rng, { depth: 5 }),
  ]);
  const each = 3 * frameHeaderBytes + 32 + 128 * 64 + 4096 + 26 * 64;
  expect(toServer.traffic.sent).toBe(each);
  for (const [choosing, offering] of [
    [client.choosing, server.offering],
    [server.choosing, client.offering],
  ] as const) {
    await Promise.all([choosing.prepare(toServer, 64), offering.prepare(toClient, 64)]);
    const [{ rows, choices }, offered] = await Promise.all([choosing.take(64), offering.take(64)]);
    const bit = (i: number) => (choices[i >> 3]! >> (i & 7)) & 1;
    expect(offered.rows).toEqual(rows.map((word, at) => word ^ (bit(at >> 2) * offering.delta[at & 3]!)));
  }
});

/** Both ends of a session, with what each sent and every string of 16 bytes or more that it drew. */
async function recorded(seed: string, change: (tag: Tag, payload: Uint8Array, from: string) => void) {
  const sent: Uint8Array[] = [];
  const drawn: Uint8Array[] = [];
  const ends = memoryChannels().map((channel, i) => ({
    channel: recording(channel, (tag, payload) => {
      change(tag, payload, i === 0 ? 'client' : 'server');
      sent.push(payload);
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
  return { client, server, sent, drawn };
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
    send(tag, step, payload) {
      note(tag, payload);
      return channel.send(tag, step, payload);
    },
    receive: (tag, step, length) => channel.receive(tag, step, length),
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
  expect(drawn.length).toBeGreaterThan(500);
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

test('a peer that sends no point, or the wrong message, is refused', async () => {
  const [toServer, peer] = memoryChannels();
  await peer.send(tags.baseOtKey, 0, new Uint8Array(32).fill(0xff));
  await peer.send(tags.baseOtPoints, 0, new Uint8Array(128 * 64));
  await expect(otClient(toServer, seededRng('forged'))).rejects.toThrow(ProtocolError);
  const [toClient, other] = memoryChannels();
  await other.send(tags.baseOtKey, 0, new Uint8Array(31));
  await expect(otServer(toClient, seededRng('short'))).rejects.toThrow(ProtocolError);
});
