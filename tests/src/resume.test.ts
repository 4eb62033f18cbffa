import { once } from 'node:events';
import { queryObjects } from 'node:v8';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { tags } from '../../crypto/channel/channel.ts';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { messageBytes } from '../../crypto/steps/activation/messages.ts';
import { RowQueue } from '../../crypto/ot/row-queue.ts';
import { offlineClient } from '../../pipelines/inference/offline.ts';
import { OneTime } from '../../pipelines/inference/one-time.ts';
import { onlineClient } from '../../pipelines/inference/online.ts';
import { openClientParty } from '../../pipelines/inference/parties.ts';
import { activationSteps } from '../../pipelines/plan/plan.ts';
import { greetServer } from '../../src/net/handshake.ts';
import { grantSchema, receiveJson } from '../../src/net/messages.ts';
import { encodeRequest } from '../../src/net/session.ts';
import { NodeSocket } from '../../src/net/node-socket.ts';
import { WebSocketChannel } from '../../src/net/web-socket-channel.ts';
import { startServer } from '../../src/server.ts';
import { Phases } from '../../src/serving/phases.ts';
import type { RunningServer, ServerEvent } from '../../src/server.ts';
import { systemRng } from '../../src/shared/random.ts';
import { cutSession } from '../protocol/cut-session.ts';
import { isNear, meanAnswer } from '../protocol/hostile/mean-answer.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../helpers/networks/networks.ts';
import { watchedServer } from '../helpers/processes/watched-server.ts';

const pool = new ThreadPool(1);
const events: ServerEvent[] = [];
let server: RunningServer;
beforeAll(async () => {
  const onEvent = (event: ServerEvent) => void events.push(event);
  server = await startServer({ plan: tinyPlan, weights: tinyWeights(), threads: 1, onEvent });
});
afterAll(async () => {
  await server.close();
  await pool.close();
});

/** The last frames of a session that nothing cuts: the answers then need three offline phases. */
const unhindered = { lost: [], granted: 3 };

describe('a connection that is cut', () => {
  // An inference takes 5 frames: request, masked image, two of the activation, answer. An offline phase
  // begins with a request and its grant.
  test.each([
    ['after the request for an answer', 1, 'first'],
    ['after the masked image', 2, 'first'],
    ['after the answer has left', 5, undefined],
    ['after the request to prepare', 6, undefined],
    ['in the offline phase', 9, undefined],
  ])('%s costs at most the inference under way', async (_, frames, lost) => {
    events.length = 0;
    const session = await cutSession(server, pool, frames);
    expect(session.lost).toEqual(lost === undefined ? [] : [lost]);
    expect(session.answers).toHaveLength(3 - session.lost.length);
    // All else that was prepared is used: a cut offline phase is granted twice, no other.
    expect(session.granted).toBeLessThanOrEqual(unhindered.granted + 1);
    expect(new Set(session.masked).size).toBe(session.masked.length);
    expect(events.map(({ kind }) => kind)).toContain('resumed');
    const mean = await meanAnswer();
    for (const logits of session.answers) expect(isNear(logits, mean), logits.join(' ')).toBe(true);
  });
});

test('a client uses no mask twice, also if the server says that it kept what was used', async () => {
  let lies = 0;
  const session = await cutSession(server, pool, 2, (frame) => {
    const text = frame.toString('latin1');
    if (!text.includes('"kept":[2]')) return frame;
    lies++;
    return Buffer.from(text.replace('"kept":[2]', '"kept":[1]'), 'latin1');
  });
  expect(lies).toBe(1);
  expect(session.lost).toEqual(['first']);
  expect(session.answers).toHaveLength(2);
  expect(new Set(session.masked).size).toBe(session.masked.length);
});

/** The first activation of an inference, whose message follows the masked image. */
const firstActivation = activationSteps(tinyPlan)[0]!;

/** A client of single messages, with one inference prepared. */
async function prepared(url: string, token = '') {
  const channel = await channelTo(url, token);
  const greeting = await greetServer(channel);
  const party = await openClientParty(channel, pool, greeting.plan, systemRng);
  await channel.send(tags.request, 1, encodeRequest({ kind: 'prepare' }));
  await receiveJson(channel, tags.grant, 1, grantSchema);
  const { offline } = await offlineClient(channel, tinyPlan, party);
  return { channel, party, offline, ticket: greeting.ticket };
}

async function channelTo(url: string, token = ''): Promise<WebSocketChannel> {
  const socket = new WebSocket(url, token === '' ? {} : { headers: { authorization: `Bearer ${token}` } });
  const channel = new WebSocketChannel(new NodeSocket(socket));
  await once(socket, 'open');
  return channel;
}

describe('a ticket', () => {
  test('moves the session to another connection, which the server takes before it has missed the first', async () => {
    const { channel, party, ticket } = await prepared(server.url);
    const other = await channelTo(server.url);
    const terms = await greetServer(other, { resume: { ticket, held: [1] } });
    expect(terms).toMatchObject({ ticket, kept: [1] });
    await expect(channel.receive(tags.output, 0, 1)).rejects.toThrow('continues over another connection');
    party.close();
    other.close();
  });

  test('brings nothing back that was used, or that the client has no more', async () => {
    for (const used of [true, false]) {
      const { channel, party, offline, ticket } = await prepared(server.url);
      if (used) {
        await channel.send(tags.request, 2, encodeRequest({ kind: 'infer', numbers: [1] }));
        await onlineClient(channel, tinyPlan, offline, tinyImage());
      }
      channel.close();
      const other = await channelTo(server.url);
      const { kept } = await greetServer(other, { resume: { ticket, held: used ? [1] : [] } });
      expect(kept).toEqual([]);
      party.close();
      other.close();
    }
  });

  test.each(['the request', 'the masked image'])(
    'brings nothing back whose use was begun by %s, whatever a client says that it holds',
    async (last) => {
      const { channel, party, ticket } = await prepared(server.url);
      // Another one stays, so that there is a session to come back to.
      await channel.send(tags.request, 2, encodeRequest({ kind: 'prepare' }));
      await receiveJson(channel, tags.grant, 2, grantSchema);
      await offlineClient(channel, tinyPlan, party);
      await channel.send(tags.request, 3, encodeRequest({ kind: 'infer', numbers: [1] }));
      if (last === 'the masked image') {
        await channel.send(tags.masked, 0, new Uint8Array(4 * tinyImage().length));
        await channel.receive(tags.activation, firstActivation.id, messageBytes(firstActivation.spec));
      }
      channel.close();
      const other = await channelTo(server.url);
      const { kept } = await greetServer(other, { resume: { ticket, held: [1, 2] } });
      expect(kept).toEqual([2]);
      party.close();
      other.close();
    },
  );

  test('is worth nothing to another client, and unknown ones begin a new session', async () => {
    const tokens = ['first', 'other'].map((name) => ({ name, token: `${name}-0123456789abcdef` }));
    const named = await startServer({ plan: tinyPlan, weights: tinyWeights(), threads: 1, tokens });
    const { channel, party, ticket } = await prepared(named.url, tokens[0]!.token);
    const resume = { ticket, held: [1] };
    const other = await channelTo(named.url, tokens[1]!.token);
    const terms = await greetServer(other, { resume });
    expect(terms.kept).toEqual([]);
    expect(terms.ticket).not.toBe(ticket);
    other.close();
    const unknown = await channelTo(named.url, tokens[1]!.token);
    expect((await greetServer(unknown, { resume: { ...resume, ticket: 'f'.repeat(64) } })).kept).toEqual([]);
    unknown.close();
    party.close();
    channel.close();
    await named.close();
  });

  test('is not lost to another client that loses sessions on and on', async () => {
    const tokens = ['good', 'bad'].map((name) => ({ name, token: `${name}-0123456789abcdef` }));
    const [good, bad] = tokens.map(({ token }) => token) as [string, string];
    const tiny = { plan: tinyPlan, weights: tinyWeights(), threads: 1 };
    const named = await watchedServer({ ...tiny, tokens, maxSessions: 2 });
    const lost = async (token: string) => {
      const session = await prepared(named.url, token);
      session.channel.close();
      session.party.close();
      await named.eventOf('closed');
      return session.ticket;
    };
    const ticket = await lost(good);
    for (let count = 0; count < 3; count++) await lost(bad);
    const back = await channelTo(named.url, good);
    expect((await greetServer(back, { resume: { ticket, held: [1] } })).kept).toEqual([1]);
    back.close();
    await named.close();
  });

  test.each([
    [59, [1]],
    [60, []],
  ])('of a minute, after %i s: the server keeps %j', async (seconds, expected) => {
    const minute = { plan: tinyPlan, weights: tinyWeights(), threads: 1, resumeSeconds: 60 };
    const forgetful = await watchedServer(minute);
    const session = await prepared(forgetful.url);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      session.channel.close();
      expect(await forgetful.eventOf('closed')).toMatchObject({ kept: 1 });
      vi.advanceTimersByTime(1000 * seconds);
    } finally {
      vi.useRealTimers();
    }
    const other = await channelTo(forgetful.url);
    const { kept } = await greetServer(other, { resume: { ticket: session.ticket, held: [1] } });
    expect(kept).toEqual(expected);
    session.party.close();
    other.close();
    await forgetful.close();
  });
});

test.each([1, -1])('a clock that jumps by %i year changes no limit and ends no ticket', async (years) => {
  const limited = await startServer({ plan: tinyPlan, weights: tinyWeights(), threads: 1, perMinute: 1 });
  const before = performance.now();
  const { channel, party, ticket } = await prepared(limited.url);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + years * 365 * 86_400_000 });
  try {
    await channel.send(tags.request, 2, encodeRequest({ kind: 'prepare' }));
    const refusal = await receiveJson(channel, tags.grant, 2, grantSchema);
    // A minute after the first was granted, however long this machine took since.
    const { retryAfter } = refusal as { retryAfter: number };
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(retryAfter).toBeGreaterThanOrEqual(60 - (performance.now() - before) / 1000);
    channel.close();
    const other = await channelTo(limited.url);
    expect((await greetServer(other, { resume: { ticket, held: [1] } })).kept).toEqual([1]);
    other.close();
  } finally {
    vi.useRealTimers();
    party.close();
    await limited.close();
  }
});

test('an inference is answered once: a second request for it ends the session', async () => {
  const { channel, party, offline } = await prepared(server.url);
  await channel.send(tags.request, 2, encodeRequest({ kind: 'infer', numbers: [1] }));
  await onlineClient(channel, tinyPlan, offline, tinyImage());
  await channel.send(tags.request, 3, encodeRequest({ kind: 'infer', numbers: [1] }));
  const refused = channel.receive(tags.activation, 0, 1);
  await expect(refused).rejects.toThrow('inference 1 is not prepared, or was used before');
  party.close();
  channel.close();
});

test('nothing is left of a session that was cut, on either side', async () => {
  const own = await startServer({ plan: tinyPlan, weights: tinyWeights(), threads: 1, resumeSeconds: 0.5 });
  // A search for objects collects garbage first, a second or more on a busy machine.
  const left = (kind: (typeof kinds)[number]) => queryObjects(kind, { format: 'count' });
  const kinds = [WebSocketChannel, Phases, RowQueue, OneTime] as const;
  const before = kinds.map(left);
  await cutSession(own, pool, 7);
  // No more of a kind are made, so the kinds can be looked for one after the other.
  for (const [i, kind] of kinds.entries()) {
    while (left(kind) > before[i]!) await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await own.close();
});
