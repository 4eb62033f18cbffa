import { expect, test } from 'vitest';
import { onlinePartBytes } from '../../../crypto/steps/activation/messages.ts';
import { turnSeconds } from '../../../pipelines/cost/turn.ts';
import { reluSpec, someSpec } from '../../helpers/protocol/activation.ts';
import { seededRng } from '../../helpers/rng.ts';

/** So many ReLUs: a part has 4,096. */
const layerOf = (relus: number) => someSpec('relu', relus / 4, seededRng('turn'), reluSpec(4));
const none = { clientKeys: 0, serverKeys: 0, clientTables: 0, serverTables: 0 };
const idle = { ...none, message: 0, reply: 0, finish: 0 };
const still = { wire: 0, ends: { up: 0, down: 0 }, delay: 0, message: 0 };

test('a layer of one part is its work, its frames and two delays, one after the other', () => {
  const spec = layerOf(4096);
  const [{ message, reply }] = onlinePartBytes(spec) as [{ message: number; reply: number }];
  const seconds = turnSeconds(
    spec,
    { ...none, message: 1, reply: 2, finish: 4 },
    { wire: 10, ends: { up: 3, down: 5 }, delay: 1000, message: 8 },
  );
  expect(seconds).toBeCloseTo(7 + 13 * (16 + reply) + 15 * (16 + message) + 2 * (1000 + 8), 6);
});

test('of three equal parts the first goes down alone, and the last comes up alone', () => {
  const spec = layerOf(3 * 4096);
  const [{ message, reply }] = onlinePartBytes(spec) as [{ message: number; reply: number }];
  const [down, up] = [16 + message, 16 + reply];
  expect(down).toBeGreaterThan(up);
  const wire = { ...still, delay: 1000, wire: 1 };
  expect(turnSeconds(spec, idle, wire)).toBe(2000 + 3 * down + up);
  // Where the ends are slower than the wire, the client is the slowest place: it has both.
  const ends = turnSeconds(spec, idle, { ...still, ends: { up: 2, down: 2 } });
  expect(ends).toBe(down + 3 * (down + up) + up);
});

test('the two parties work at the same time, but the server takes no answer before it has made all parts', () => {
  const spec = layerOf(4 * 4096);
  const work = { ...idle, message: 4, reply: 4, finish: 4 };
  // A part takes a second at each place: messages 1 to 4, then 4 to take.
  expect(turnSeconds(spec, work, still)).toBe(8);
  expect(turnSeconds(spec, { ...work, finish: 0 }, still)).toBe(5);
  // The server hears of the last answer when it is done with the others.
  expect(turnSeconds(spec, { ...work, reply: 16 }, still)).toBe(1 + 16 + 1);
});

test('a small last part takes as much less as it has bytes', () => {
  const [whole, most] = [layerOf(2 * 4096), layerOf(4096 + 64)].map((spec) =>
    turnSeconds(spec, idle, { ...still, wire: 1 }),
  );
  const [first, last] = onlinePartBytes(layerOf(4096 + 64));
  expect(most).toBe(16 + first!.message + Math.max(16 + first!.reply + 16 + last!.reply, 0));
  expect(whole).toBeGreaterThan(most!);
});
