import { describe, expect, test } from 'vitest';
import {
  decodeFrameHeader,
  encodeFrameHeader,
  maxPayloadBytes,
  tags,
} from '../../../crypto/channel/channel.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';

describe('frames', () => {
  test('arrive in order with their payload, and are counted with their headers', async () => {
    const [a, b] = memoryChannels();
    await a.send(tags.masked, 3, Uint8Array.of(1, 2, 3));
    await a.send(tags.output, 4, Uint8Array.of(9));
    expect(await b.receive(tags.masked, 3, 3)).toEqual(Uint8Array.of(1, 2, 3));
    expect(await b.receiveUpTo(tags.output, 4, 8)).toEqual(Uint8Array.of(9));
    expect(a.traffic).toMatchObject({ sent: 16 + 3 + 16 + 1, framesSent: 2 });
    expect(b.traffic).toMatchObject({ received: 36, framesReceived: 2 });
  });

  test('give their memory back when their payload is taken', async () => {
    const [, b] = memoryChannels();
    const frame = new Uint8Array([...encodeFrameHeader(tags.masked, 3, 2), 5, 6]);
    b.deliver(frame);
    expect(frame.byteLength).toBe(18);
    expect(await b.receive(tags.masked, 3, 2)).toEqual(Uint8Array.of(5, 6));
    expect(frame.byteLength).toBe(0);
  });

  test.each([
    ['another tag', tags.output, 3, 3],
    ['another step', tags.masked, 4, 3],
    ['another length', tags.masked, 3, 4],
  ])('%s ends the session', async (_, tag, step, length) => {
    const [a, b] = memoryChannels();
    await a.send(tag, step, new Uint8Array(length));
    await a.send(tags.masked, 3, new Uint8Array(3));
    await expect(b.receive(tags.masked, 3, 3)).rejects.toThrow(ProtocolError);
    await expect(b.receive(tags.masked, 3, 3)).rejects.toThrow(/step 3/);
  });

  test('a malformed frame ends the session for good', async () => {
    for (const garbage of [new Uint8Array(), new Uint8Array(15), new Uint8Array(40).fill(7)]) {
      const [a, b] = memoryChannels();
      b.deliver(garbage);
      await a.send(tags.masked, 3, new Uint8Array(3));
      await expect(b.receive(tags.masked, 3, 3)).rejects.toThrow(/frame header/);
      await expect(b.receive(tags.masked, 3, 3)).rejects.toThrow(/frame header/);
    }
  });

  test('a peer that leaves rejects the waiting receive', async () => {
    const [a, b] = memoryChannels();
    const waiting = b.receive(tags.masked, 0, 1);
    a.close();
    await expect(waiting).rejects.toThrow(/left/);
  });

  test('a payload whose length no header can say is not sent', () => {
    expect(decodeFrameHeader(encodeFrameHeader(tags.masked, 7, maxPayloadBytes)).length).toBe(2 ** 32 - 1);
    expect(() => encodeFrameHeader(tags.masked, 7, maxPayloadBytes + 1)).toThrow(/at most 4294967295 bytes/);
  });

  test('a header of another protocol, of another version or with reserved bits is refused', () => {
    const good = encodeFrameHeader(tags.masked, 7, 9);
    expect(decodeFrameHeader(good)).toEqual({ tag: tags.masked, step: 7, length: 9, part: 0 });
    for (const position of [0, 2, 14, 15]) {
      const bad = good.slice();
      bad[position]! ^= 0x80;
      expect(() => decodeFrameHeader(bad)).toThrow(ProtocolError);
    }
    expect(() => decodeFrameHeader(good.subarray(0, 15))).toThrow(/16 bytes/);
  });
});
