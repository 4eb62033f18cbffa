import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { greetServer } from '../../src/net/handshake.ts';
import { NodeSocket } from '../../src/net/node-socket.ts';
import { WebSocketChannel } from '../../src/net/web-socket-channel.ts';
import { startServer } from '../../src/server.ts';
import type { RunningServer, ServerEvent } from '../../src/server.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { servedNet } from './fixtures/served-net.ts';

/** What a server does with web pages: their origins, and tokens in their first message. */
const origin = 'https://example.org';
const token = 'of-a-page-0123456789';
let server: RunningServer;
const events: ServerEvent[] = [];
const handshakeSeconds = 10;

beforeAll(async () => {
  const { prepared } = await servedNet();
  server = await startServer({
    ...prepared,
    ...{ threads: 1, origins: [origin], tokens: [{ name: 'a page', token }], maxSessions: 4 },
    handshakeSeconds,
    onEvent: (event) => events.push(event),
  });
});
afterAll(() => server.close());
beforeEach(() => void (events.length = 0));
afterEach(() => void vi.useRealTimers());

async function open(headers: Record<string, string>): Promise<WebSocketChannel> {
  const socket = new WebSocket(server.url, { headers });
  const channel = new WebSocketChannel(new NodeSocket(socket));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return channel;
}

const kinds = () => events.map(({ kind }) => kind);

test('a page of a listed origin shows its token in its first message', async () => {
  const channel = await open({ origin });
  expect((await greetServer(channel, { token })).plan.name).not.toBe('');
  expect(events).toMatchObject([{ kind: 'opened', peer: 'a page' }]);
  channel.close();
  await expect.poll(kinds).toEqual(['opened', 'closed']);
});

test.each([
  [undefined, 'a token is needed'],
  ['another-token-0123456789', 'this server does not know this token'],
])('a page with the token %s reads why it is refused', async (shown, reason) => {
  const channel = await open({ origin });
  const greeted = greetServer(channel, shown === undefined ? {} : { token: shown });
  await expect(greeted).rejects.toThrow(ProtocolError);
  await expect(greeted).rejects.toThrow(`the peer ended the session: ${reason}`);
  await expect.poll(() => events).toMatchObject([{ kind: 'refused', reason }]);
});

test('a page of another origin reads why it is refused, with a right token too', async () => {
  const greeted = greetServer(await open({ origin: 'https://evil.example' }), { token });
  await expect(greeted).rejects.toThrow('pages of https://evil.example may not use this server (--origin)');
  const shown = await open({ origin: 'https://evil.example', authorization: `Bearer ${token}` });
  await expect(greetServer(shown)).rejects.toThrow(/may not use this server/);
  expect(kinds()).toEqual(['refused', 'refused']);
});

test('a program without a token, or with a wrong one, gets no connection', async () => {
  await expect(open({})).rejects.toThrow(/401/);
  await expect(open({ origin, authorization: 'Bearer another-token-0123456789' })).rejects.toThrow(/401/);
});

test('silent pages take half of the places at most, and lose them soon', async () => {
  // On a clock that the test moves: a short limit would also end what a busy machine takes long for.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const silent = [await open({ origin }), await open({ origin })];
  const third = greetServer(await open({ origin }), { token });
  await expect(third).rejects.toThrow(/2 sessions, the most that one may have/);
  const known = await open({ authorization: `Bearer ${token}` });
  expect((await greetServer(known)).plan.name).not.toBe('');
  vi.advanceTimersByTime(1000 * handshakeSeconds);
  await expect.poll(() => silent.every(({ failure }) => failure !== undefined)).toBe(true);
  const page = await open({ origin });
  expect((await greetServer(page, { token })).plan.name).not.toBe('');
  for (const channel of [known, page]) channel.close();
});
