import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { encodeFrameHeader, tags } from '../../../crypto/channel/channel.ts';
import { BrowserSocket } from '../../../src/browser/socket.ts';
import { NodeSocket } from '../../../src/net/node-socket.ts';
import { WebSocketChannel } from '../../../src/net/web-socket-channel.ts';
import type { ChannelLimits } from '../../../src/net/web-socket-channel.ts';
import { ConnectionError, ProtocolError } from '../../../src/shared/errors.ts';

/** The channel of a browser, over Node's WebSocket, which has the same interface. */
let server: WebSocketServer;
let url: string;
beforeAll(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

async function pair(
  limits: Partial<ChannelLimits> = {},
): Promise<{ page: WebSocketChannel; peer: WebSocket }> {
  const accepted = once(server, 'connection') as Promise<[WebSocket]>;
  const socket = new BrowserSocket(url);
  const page = new WebSocketChannel(socket, limits);
  await socket.opened;
  return { page, peer: (await accepted)[0] };
}

function frame(payload: Uint8Array): Buffer {
  return Buffer.concat([encodeFrameHeader(tags.masked, 3, payload.length), payload]);
}

test('messages of any size go both ways whole', async () => {
  const { page, peer } = await pair();
  const far = new WebSocketChannel(new NodeSocket(peer));
  for (const size of [0, 1, 100_000, 9_000_000]) {
    const payload = Uint8Array.from({ length: size }, (_, i) => i * 7);
    const sent = page.send(tags.masked, 3, payload);
    expect(Buffer.compare(await far.receive(tags.masked, 3, size), payload)).toBe(0);
    await sent;
    await far.send(tags.masked, 3, payload);
    expect(Buffer.compare(await page.receive(tags.masked, 3, size), payload)).toBe(0);
  }
  page.close();
  await expect(far.receive(tags.masked, 3, 1)).rejects.toThrow(ConnectionError);
});

test.each([
  ['garbage', Buffer.alloc(100, 7), /does not speak this protocol/],
  ['an empty message', Buffer.alloc(0), /expected 16 bytes, got 0/],
  ['another length than it says', frame(new Uint8Array(5)).subarray(0, 20), /got masked of step 3, 4 bytes/],
  ['text', 'GET /', /it sent text where frames are expected/],
])('%s from a peer ends the session', async (_, message, reason) => {
  const { page, peer } = await pair();
  peer.send(message);
  const received = page.receive(tags.masked, 3, 5);
  await expect(received).rejects.toThrow(reason);
  await expect(received).rejects.toThrow(ProtocolError);
  await expect(page.receive(tags.masked, 3, 5)).rejects.toThrow(reason);
});

test('the reason of a failure is read, and one that the page has is told', async () => {
  const told = await pair();
  new WebSocketChannel(new NodeSocket(told.peer)).close(new ProtocolError('no more'));
  await expect(told.page.receive(tags.masked, 3, 5)).rejects.toThrow('the peer ended the session: no more');
  const { page, peer } = await pair();
  const far = new WebSocketChannel(new NodeSocket(peer));
  page.close(new ProtocolError('enough'));
  await expect(far.receive(tags.masked, 3, 5)).rejects.toThrow('the peer ended the session: enough');
});

test('a peer that sends far more than is asked for is left, since a page cannot hold it back', async () => {
  const { page, peer } = await pair({ maxUnread: 10_000 });
  const closed = once(peer, 'close');
  for (let i = 0; i < 100; i++) peer.send(frame(new Uint8Array(2000)));
  const [code] = (await closed) as [number];
  expect(code).toBe(4000);
  expect(page.failure?.message).toBe('the peer sends more than is asked for');
  const patient = await pair({ maxUnread: 10_000 });
  for (let i = 0; i < 20; i++) patient.peer.send(frame(new Uint8Array(2000)));
  for (let i = 0; i < 20; i++) await patient.page.receive(tags.masked, 3, 2000);
  expect(patient.page.failure).toBeUndefined();
  patient.page.close();
});

test('an address where nobody answers says so', async () => {
  const socket = new BrowserSocket('ws://127.0.0.1:1');
  await expect(socket.opened).rejects.toThrow(/^server ws:\/\/127\.0\.0\.1:1: no connection; is it running/);
  await expect(socket.opened).rejects.toThrow(ConnectionError);
});
