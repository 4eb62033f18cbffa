import { expect, test } from 'vitest';
import { abreast } from '../../../crypto/channel/abreast.ts';
import { encodeFrameHeader, tags } from '../../../crypto/channel/channel.ts';
import { Inbox } from '../../../crypto/channel/inbox.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';

const { request, tables, activation } = tags;
const byte = (value: number) => Uint8Array.of(value);
const soon = () => new Promise((resolve) => setTimeout(resolve, 5));

test('while sequences are open, each is received in its own order', async () => {
  const [a, b] = memoryChannels();
  for (const sequence of ['session', 'offline', 'online'] as const) b.open(sequence);
  await a.send(tables, 1, byte(1));
  await a.send(activation, 1, byte(2));
  await a.send(tables, 2, byte(3));
  await a.send(request, 1, byte(4));
  expect(await b.receive(request, 1, 1)).toEqual(byte(4));
  expect(await b.receive(activation, 1, 1)).toEqual(byte(2));
  expect(await b.receive(tables, 1, 1)).toEqual(byte(1));
  // Within a sequence the order is fixed as ever.
  await expect(b.receive(tables, 1, 1)).rejects.toThrow(/expected tables of 1 bytes, got tables of step 2/);
  await expect(b.receive(request, 2, 1)).rejects.toThrow(ProtocolError);
});

test('a frame that waits is not looked at again when others come that are for nobody', async () => {
  let looks = 0;
  class Watched extends Uint8Array {
    override get byteLength(): number {
      looks++;
      return super.byteLength;
    }
  }
  const inbox = new Inbox();
  for (const sequence of ['session', 'offline', 'online'] as const) inbox.open(sequence);
  const waiting = [inbox.receive(tags.request, 1, 0, 9), inbox.receive(tags.tables, 2, 0, 9)];
  const count = 1000;
  for (let i = 0; i < count; i++) {
    inbox.push(new Watched(encodeFrameHeader(tags.masked, 0, 0)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(looks).toBeLessThan(10 * count);
  inbox.push(encodeFrameHeader(tags.tables, 2, 0));
  inbox.push(encodeFrameHeader(tags.request, 1, 0));
  expect(await Promise.all(waiting)).toEqual([new Uint8Array(), new Uint8Array()]);
});

test('while none is open, all frames are one sequence', async () => {
  const [a, b] = memoryChannels();
  await a.send(tables, 1, byte(1));
  await a.send(activation, 1, byte(2));
  await expect(b.receive(activation, 1, 1)).rejects.toThrow(/expected activation .*, got tables/);
});

test('a frame of a sequence that is not open is refused by who waits for the next request', async () => {
  const [a, b] = memoryChannels();
  b.open('session');
  const closeOffline = b.open('offline');
  await a.send(activation, 1, byte(1));
  await a.send(tables, 1, byte(2));
  // A request before it might have opened the sequence, so that an offline phase does not judge.
  expect(await b.receive(tables, 1, 1)).toEqual(byte(2));
  closeOffline();
  await expect(b.receive(request, 1, 1)).rejects.toThrow(/expected request .*, got activation/);
});

test('where no request can come, anyone refuses it at once', async () => {
  const [a, b] = memoryChannels();
  b.open('online');
  await a.send(tables, 1, byte(1));
  await expect(b.receive(activation, 1, 1)).rejects.toThrow(/expected activation .*, got tables/);
});

test('a closed sequence wakes who can object to its frames', async () => {
  const [a, b] = memoryChannels();
  b.open('session');
  const close = b.open('online');
  const next = b.receive(request, 1, 1);
  next.catch(() => undefined);
  await a.send(activation, 1, byte(1));
  await soon();
  close();
  await expect(next).rejects.toThrow(/expected request .*, got activation/);
});

test('exchanges abreast share their round trips: frames go in rounds, whichever is ready first', async () => {
  const [a, b] = memoryChannels();
  const sent: string[] = [];
  const rounds = (views: ReturnType<typeof abreast>, first: boolean) =>
    Promise.all(
      views.map((view, i) =>
        view.run(async (channel) => {
          const got: number[] = [];
          for (let round = 1; round <= 3; round++) {
            // The last is ready first.
            if (first) await new Promise((resolve) => setTimeout(resolve, 4 * (3 - i)));
            if (first) sent.push(`${round}${i}`);
            if (first) await channel.send(activation, round, byte(10 * round + i));
            got.push((await channel.receive(activation, round, 1))[0]!);
            if (!first) await channel.send(activation, round, byte(10 * round + i));
          }
          return { got, bytes: view.traffic.sent };
        }),
      ),
    );
  const [ofA, ofB] = await Promise.all([rounds(abreast(a, 3), true), rounds(abreast(b, 3), false)]);
  for (const side of [ofA, ofB]) {
    expect(side.map(({ got }) => got)).toEqual([0, 1, 2].map((i) => [10 + i, 20 + i, 30 + i]));
    expect(side.map(({ bytes }) => bytes)).toEqual([51, 51, 51]);
  }
  // No exchange is ahead of another by a whole round.
  expect(sent.slice(0, 3).every((name) => name.startsWith('1'))).toBe(true);
});

test('one exchange that fails ends those abreast of it', async () => {
  const [a] = memoryChannels();
  const views = abreast(a, 3);
  const outcomes = await Promise.allSettled(
    views.map((view, i) =>
      view.run(async (channel) => {
        if (i === 1) throw new ProtocolError('no such label');
        await channel.send(activation, 1, byte(i));
        await channel.send(activation, 2, byte(i));
      }),
    ),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
});
