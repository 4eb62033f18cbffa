import { expect, test } from 'vitest';
import { lanesOf } from '../../../crypto/channel/lanes.ts';
import { OneTime } from '../../../pipelines/inference/one-time.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import type { Channel } from '../../../crypto/channel/channel.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';

const one = { sends: 1, receives: 1 };

/** Sends its number after `before`, and returns what comes back. */
async function exchange(channel: Channel, step: number, before: Promise<unknown>): Promise<number> {
  await before;
  await channel.send(tags.linearRequest, step, Uint8Array.of(step));
  return (await channel.receive(tags.linearResponse, step, 1))[0]!;
}

test('frames keep the order of the lanes when later ones are ready first', async () => {
  const [near, far] = memoryChannels();
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const lanes = lanesOf(near, [one, one, one]);
  const results = lanes.map((lane, i) => lane.run((channel) => exchange(channel, i, gates[i]!.promise)));
  gates[2]!.resolve();
  gates[1]!.resolve();
  await Promise.resolve();
  expect(near.traffic.framesSent).toBe(0);
  gates[0]!.resolve();
  for (const step of [0, 1, 2]) {
    const [value] = await far.receive(tags.linearRequest, step, 1);
    await far.send(tags.linearResponse, step, Uint8Array.of(10 + value!));
  }
  expect(await Promise.all(results)).toEqual([10, 11, 12]);
  expect(lanes[1]!.traffic).toEqual({ sent: 17, received: 17, framesSent: 1, framesReceived: 1 });
});

test('a lane that fails before it sends fails the lanes behind it, not those before', async () => {
  const [near, far] = memoryChannels();
  const lanes = lanesOf(near, [one, one, one]);
  const results = lanes.map((lane, i) =>
    lane.run((channel) =>
      exchange(channel, i, i === 1 ? Promise.reject(new Error('no input')) : Promise.resolve()),
    ),
  );
  await far.receive(tags.linearRequest, 0, 1);
  await far.send(tags.linearResponse, 0, Uint8Array.of(5));
  const settled = await Promise.allSettled(results);
  expect(settled[0]).toEqual({ status: 'fulfilled', value: 5 });
  expect(settled.slice(1).map((result) => result.status)).toEqual(['rejected', 'rejected']);
  expect(near.traffic.framesSent).toBe(1);
});

test('a lane that holds its turn sends all its frames before the next lane’s first', async () => {
  const [near, far] = memoryChannels();
  const lanes = lanesOf(near, [{ sends: 'all', receives: 1 }, one]);
  const gate = Promise.withResolvers<void>();
  const held = lanes[0]!.run(async (channel) => {
    await channel.send(tags.otExtension, 1, new Uint8Array(1));
    await gate.promise;
    await channel.send(tags.linearRequest, 1, new Uint8Array(1));
  });
  const next = lanes[1]!.run((channel) => channel.send(tags.otExtension, 2, new Uint8Array(1)));
  await far.receive(tags.otExtension, 1, 1);
  expect(near.traffic.framesSent).toBe(1);
  gate.resolve();
  await Promise.all([held, next]);
  await far.receive(tags.linearRequest, 1, 1);
  await far.receive(tags.otExtension, 2, 1);
});

test('one-time material is taken once', () => {
  const material = new OneTime<string>();
  material.set(4, 'secret');
  expect(material.take(4)).toBe('secret');
  expect(() => material.take(4)).toThrow('step 4: its one-time material is used up');
  expect(() => material.take(5)).toThrow('step 5');
});
