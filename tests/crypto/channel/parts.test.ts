import { expect, test } from 'vitest';
import { frameHeaderBytes, tags } from '../../../crypto/channel/channel.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { framedBytes, partBytes, partCount, partLengths } from '../../../crypto/channel/parts.ts';
import { PartReader, PartWriter, receiveParts, sendParts } from '../../../crypto/channel/parts.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { seededRng } from '../../helpers/rng.ts';

const own = { tag: tags.tables, step: 4, most: 10 } as const;
const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);
/** `bytesOf(length)` in pieces of random sizes, some of them empty. */
function pieces(length: number, seed: string): Uint8Array[] {
  const [rng, all] = [seededRng(seed), []] as [ReturnType<typeof seededRng>, Uint8Array[]];
  for (let at = 0; at < length;) {
    const size = Math.min(length - at, rng.bytes(1)[0]! % 27);
    all.push(bytesOf(length).slice(at, (at += size)));
  }
  return [...all, new Uint8Array()];
}

test('frames follow from the length: all full but the last, and one for an empty message', () => {
  expect([0, 1, 10, 11, 30].map((length) => partLengths(length, 10))).toEqual([
    [0],
    [1],
    [10],
    [10, 1],
    [10, 10, 10],
  ]);
  expect(partCount(30, 10)).toBe(3);
  expect(framedBytes(partBytes)).toBe(partBytes + frameHeaderBytes);
  expect(framedBytes(partBytes + 1)).toBe(partBytes + 1 + 2 * frameHeaderBytes);
  expect(framedBytes(0)).toBe(frameHeaderBytes);
});

test.each([0, 1, 9, 10, 11, 20, 45, 300])(
  'a message of %i bytes arrives whole, however it is written and read',
  async (length) => {
    const [a, b] = memoryChannels();
    const written = pieces(length, `written ${length}`);
    const read = pieces(length, `read ${length}`);
    const writer = new PartWriter(a, { ...own, length });
    for (const piece of written) await writer.write(piece);
    const reader = new PartReader(b, { ...own, length });
    for (const piece of read) expect(await reader.read(piece.length)).toEqual(piece);
    await sendParts(a, own, bytesOf(length));
    expect(await receiveParts(b, { ...own, length })).toEqual(bytesOf(length));
    // Of an empty message, `sendParts` alone sends a frame.
    const frames = partCount(length, 10) + (length === 0 ? 0 : partCount(length, 10));
    expect(a.traffic.framesSent).toBe(frames);
    expect(a.traffic.sent).toBe(2 * length + frames * frameHeaderBytes);
  },
);

test('more bytes than a message has are neither written nor read', async () => {
  const [a, b] = memoryChannels();
  const writer = new PartWriter(a, { ...own, length: 12 });
  await writer.write(bytesOf(12));
  await expect(writer.write(bytesOf(1))).rejects.toThrow(/more than 12 bytes/);
  const reader = new PartReader(b, { ...own, length: 12 });
  await reader.read(12);
  await expect(reader.read(1)).rejects.toThrow(/more than 12 bytes/);
});

test.each([
  [
    'is missing',
    [0, 2],
    /^step 4: expected tables, part 2, of 10 bytes, got tables, part 3, of step 4, 10 bytes/,
  ],
  ['comes twice', [0, 0], /^step 4: expected tables, part 2, of 10 bytes, got tables, part 1, of step 4/],
] as const)('a part that %s ends the session', async (_, sent, message) => {
  const [a, b] = memoryChannels();
  for (const part of sent) await a.send(own.tag, own.step, bytesOf(10), part);
  const receiving = receiveParts(b, { ...own, length: 30 });
  await expect(receiving).rejects.toThrow(ProtocolError);
  await expect(receiving).rejects.toThrow(message);
});

test.each([9, 11])('a part of %i bytes in place of 10 ends the session', async (length) => {
  const [a, b] = memoryChannels();
  await a.send(own.tag, own.step, bytesOf(10), 0);
  await a.send(own.tag, own.step, bytesOf(length), 1);
  await expect(receiveParts(b, { ...own, length: 25 })).rejects.toThrow(
    new RegExp(`expected tables, part 2, of 10 bytes, got tables, part 2, of step 4, ${length} bytes`),
  );
});

test.each([0, 4, 6, 10])('a last part of %i bytes in place of 5 ends the session', async (length) => {
  const [a, b] = memoryChannels();
  for (const [part, bytes] of [10, 10, length].entries())
    await a.send(own.tag, own.step, bytesOf(bytes), part);
  await expect(receiveParts(b, { ...own, length: 25 })).rejects.toThrow(
    new RegExp(`expected tables, part 3, of 5 bytes, got tables, part 3, of step 4, ${length} bytes`),
  );
});

test('a message of one part takes no second, and a peer that leaves between parts is told of', async () => {
  const [a, b] = memoryChannels();
  await a.send(own.tag, own.step, bytesOf(5), 1);
  await expect(receiveParts(b, { ...own, length: 5 })).rejects.toThrow(
    /expected tables, part 1, of 5 bytes, got tables, part 2,/,
  );
  const [c, d] = memoryChannels();
  await c.send(own.tag, own.step, bytesOf(10), 0);
  c.close();
  await expect(receiveParts(d, { ...own, length: 30 })).rejects.toThrow(/the peer left in the middle/);
});
