import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { ThrottledLink, ThrottledSocket } from '../../../src/net/throttle.ts';
import type { Clock } from '../../../src/net/throttle.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

/** 1,000 bytes a millisecond, 10 ms one way. */
const profile = { name: 'test', bitsPerSecond: 8e6, roundTripSeconds: 20e-3 };

test('a link sends one byte after the other, each arrives a delay later', () => {
  const link = new ThrottledLink(profile);
  expect(link.accept(1000, 0)).toBe(11);
  expect(link.accept(2000, 0.5)).toBe(13); // behind the first
  expect(link.accept(1000, 50)).toBe(61); // what it did not use before is lost: no burst
});

/**
 * A slow socket on one side, the plain other end of it on the other, and the bytes that have arrived at each.
 */
function ends() {
  const clock = new ManualClock();
  const [near, far] = duplexPair({ highWaterMark: 2 ** 24 });
  const slow = new ThrottledSocket(near, profile, clock);
  return { clock, slow, far, atFar: arrivals(far), atSlow: arrivals(slow) };
}

function arrivals(stream: Duplex) {
  const found = { bytes: Buffer.alloc(0), ended: false };
  stream.on('data', (chunk: Buffer) => (found.bytes = Buffer.concat([found.bytes, chunk])));
  stream.on('end', () => (found.ended = true));
  return found;
}

test.each(['up', 'down'] as const)('a small message arrives after the delay: %s', async (way) => {
  const { clock, slow, far, atFar, atSlow } = ends();
  const [from, to] = way === 'up' ? [slow, atFar] : [far, atSlow];
  from.write(Buffer.from([7]));
  await clock.advance(10);
  expect(to.bytes).toHaveLength(0);
  await clock.advance(10.001);
  expect([...to.bytes]).toEqual([7]);
});

test.each(['up', 'down'] as const)('a large message at the rate, whole and in order: %s', async (way) => {
  const { clock, slow, far, atFar, atSlow } = ends();
  const [from, to] = way === 'up' ? [slow, atFar] : [far, atSlow];
  const sent = Buffer.from(Uint32Array.from({ length: 250_000 }, (_, i) => i * 2654435761).buffer);
  from.write(sent);
  for (const time of [100, 500, 900]) {
    await clock.advance(time);
    // In pieces of 2^14 bytes, each when its last byte is there.
    const ideal = 1000 * (time - 10);
    expect(to.bytes.length).toBeLessThanOrEqual(ideal);
    expect(to.bytes.length).toBeGreaterThan(ideal - 2 ** 14);
  }
  await clock.advance(1009.9);
  expect(to.bytes.length).toBeLessThan(sent.length);
  await clock.advance(1010.001);
  expect(to.bytes.equals(sent)).toBe(true);
});

test('the last two milliseconds of what is under way are exactly in time, what is before them about so', async () => {
  const clock = new ManualClock();
  const exact: number[] = [];
  const about: number[] = [];
  const noting: Clock = {
    now: () => clock.now(),
    at: (time, callback, precision) => {
      (precision === 'exactly' ? exact : about).push(time);
      clock.at(time, callback);
    },
  };
  // 10,000 bytes a millisecond: a piece takes 1.6 ms.
  const [near] = duplexPair({ highWaterMark: 2 ** 24 });
  const slow = new ThrottledSocket(near, { ...profile, bitsPerSecond: 8e7 }, noting);
  slow.write(Buffer.alloc(4 * 2 ** 14));
  await clock.advance(30);
  const arrival = (pieces: number) => 10 + (pieces * 2 ** 14) / 10_000;
  const rounded = (ms: number) => Number(ms.toFixed(6));
  expect(about.map(rounded)).toEqual([arrival(1), arrival(2)].map(rounded));
  expect(exact.map(rounded)).toEqual([arrival(3), arrival(4)].map(rounded));
});

test('both directions have the whole rate', async () => {
  const { clock, slow, far, atFar, atSlow } = ends();
  slow.write(Buffer.alloc(100_000));
  far.write(Buffer.alloc(100_000));
  await clock.advance(110);
  expect([atFar.bytes.length, atSlow.bytes.length]).toEqual([100_000, 100_000]);
});

test('a writer waits as with a real socket: until all but 10 ms of what it wrote have left', async () => {
  const { clock, slow } = ends();
  let taken = false;
  slow.write(Buffer.alloc(100_000), () => (taken = true));
  await clock.advance(89.9);
  expect(taken).toBe(false);
  await clock.advance(90);
  expect(taken).toBe(true);
});

test('the end comes after the last byte, each way', async () => {
  const { clock, slow, far, atFar, atSlow } = ends();
  slow.end(Buffer.alloc(5000));
  far.end(Buffer.alloc(3000));
  await clock.advance(12.9);
  expect([atFar.ended, atSlow.ended]).toEqual([false, false]);
  await clock.advance(16);
  expect([atFar.ended, atSlow.ended]).toEqual([true, true]);
  expect([atFar.bytes.length, atSlow.bytes.length]).toEqual([5000, 3000]);
});

test('a connection that breaks breaks here; what is under way is dropped', async () => {
  const { clock, slow, far, atSlow } = ends();
  const errors: Error[] = [];
  slow.on('error', (error) => errors.push(error));
  far.write(Buffer.alloc(10));
  await clock.advance(1);
  slow.destroy(new Error('planted'));
  await clock.advance(100);
  expect(errors.map(({ message }) => message)).toEqual(['planted']);
  expect(atSlow.bytes).toHaveLength(0);
});
