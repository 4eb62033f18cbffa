import { beforeAll, describe, expect, test } from 'vitest';
import { planHash, serialisePlan } from '../../../pipelines/plan/codec.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { greetClient, greetServer, offerOf } from '../../../src/net/handshake.ts';
import type { Wanted } from '../../../src/net/handshake.ts';
import { profiles } from '../../../pipelines/cost/profiles.ts';
import { helloSchema, receiveJson, sendJson } from '../../../src/net/messages.ts';
import type { Hello } from '../../../src/net/messages.ts';
import { agreementBytes, tags } from '../../../crypto/channel/channel.ts';
import { defined } from '../../../src/shared/defined.ts';
import { ProtocolError, RefusedError, UsageError } from '../../../src/shared/errors.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { outputSize } from '../../../crypto/spec.ts';
import { convolution } from '../../helpers/protocol/convolution.ts';
import { tinyPlan } from '../../helpers/networks/networks.ts';
import { offering, testTerms } from '../../helpers/protocol/offers.ts';
import { servedNet } from '../fixtures/served-net.ts';

let plan: Plan;
beforeAll(async () => {
  ({ plan } = (await servedNet()).prepared);
});

/** Both halves; a half that fails hangs up. */
async function handshake(wanted?: Wanted, offers = [offerOf(plan)]) {
  const [near, far] = memoryChannels();
  const hangUp = (channel: typeof near) => (error: Error) => {
    channel.close(error);
    throw error;
  };
  return Promise.allSettled([
    greetServer(near, wanted).catch(hangUp(near)),
    greetClient(far, offering(...offers)).catch(hangUp(far)),
  ]);
}

/** What the client says to a server that answers with these terms and sends these bytes for a plan. */
async function greetedWith(welcome: Uint8Array, terms: object = testTerms): Promise<unknown> {
  const [near, far] = memoryChannels();
  const greeted = greetServer(near);
  await far.receive(tags.hello, 0, agreementBytes);
  await sendJson(far, tags.terms, 0, terms);
  await far.send(tags.welcome, 0, welcome);
  return greeted;
}

test('with the plan expected, or with none expected, the client gets the plan and the limits', async () => {
  for (const planHashOrNone of [undefined, planHash(plan), planHash(plan).toUpperCase()]) {
    const [client, server] = await handshake(defined({ planHash: planHashOrNone }));
    expect(client).toEqual({
      status: 'fulfilled',
      value: { plan, ...testTerms, transfers: { depth: 4, sources: softSpoken } },
    });
    expect(server.status).toBe('fulfilled');
  }
});

describe('a hello', () => {
  /** What a server reads of a client that continues a session, or why there is no hello. */
  async function helloOf(words: Pick<Wanted, 'model' | 'token'>, held = 32): Promise<Hello | Error> {
    const [near, far] = memoryChannels();
    const numbers = Array.from({ length: held }, (_, i) => 1e9 - i);
    const resume = { ticket: 'f'.repeat(64), held: numbers };
    const greeted = greetServer(near, { planHash: planHash(plan), ...words, resume });
    const failed = greeted.catch((error: Error) => error);
    if (near.traffic.framesSent === 0) return (await failed) as Error;
    failed.catch(() => undefined);
    const hello = await receiveJson(far, tags.hello, 0, helloSchema);
    far.close(new ProtocolError('enough'));
    return hello;
  }

  const name = 'n'.repeat(100);
  test.each<[string, Pick<Wanted, 'model' | 'token'>]>([
    ['the longest token', { token: 't'.repeat(500) }],
    ['the longest name', { model: name }],
    ['a name and a token of 512 bytes with the words around them', { model: name, token: 't'.repeat(389) }],
    ['a name of more bytes than characters', { model: 'ñ'.repeat(100), token: 't'.repeat(289) }],
  ])('has room for %s, beside 32 of the largest numbers', async (_, words) => {
    expect(await helloOf(words)).toMatchObject({ ...words, held: { length: 32 } });
  });

  test.each<[string, Pick<Wanted, 'model' | 'token'>]>([
    ['a token', { token: 't'.repeat(501) }],
    ['a name', { model: `${name}n` }],
    ['a name and a token', { model: name, token: 't'.repeat(390) }],
    ['a name of more bytes than characters and a token', { model: 'ñ'.repeat(100), token: 't'.repeat(290) }],
    ['a token of characters that take two bytes', { token: '"'.repeat(400) }],
  ])('does not go with %s that is too long: it is said, and not shown', async (_, words) => {
    const error = await helloOf(words, 0);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(
      'token and model: expected at most 512 bytes together, in a name 100 characters',
    );
  });

  test('names 32 prepared inferences at most, whatever the server granted', async () => {
    const hello = (await helloOf({}, 40)) as Hello;
    expect(hello.held).toEqual(Array.from({ length: 32 }, (_, i) => 1e9 - i));
  });
});

const softSpoken = { up: 'softspoken', down: 'softspoken' };

test('a client names how transfers are drawn, and the server learns it', async () => {
  for (const [wanted, transfers] of [
    [{}, { depth: 4, sources: softSpoken }],
    [{ transferDepth: 5 }, { depth: 5, sources: softSpoken }],
    [{ profile: profiles.wan }, { depth: 5, sources: softSpoken }],
    [{ transfers: 'silent' }, { depth: 4, sources: { up: 's16', down: 's16' } }],
  ] as const) {
    const both = await handshake(wanted);
    for (const end of both) expect(end).toMatchObject({ status: 'fulfilled', value: { transfers } });
  }
});

test.each([
  [{ depth: 0 }, /^accept.transfers.depth: expected an integer from 1 to 8/],
  [{ depth: 3.5 }, /^accept.transfers.depth: expected an integer/],
  [{ up: 's14' }, /^accept.transfers.up: expected "softspoken" or "s16", got "s14"$/],
  [{ down: 'testInsecure' }, /^accept.transfers.down: expected "softspoken" or "s16", got "testInsecure"$/],
  [{ down: undefined }, /^accept.transfers.down: expected "softspoken" or "s16", got nothing$/],
  [{ seed: 1 }, /^accept.transfers: expected no field "seed"/],
])('parameters of transfers that no session has are refused: %o', async (change, message) => {
  const [near, far] = memoryChannels();
  const greeted = greetClient(far, offering(offerOf(plan)));
  await sendJson(near, tags.hello, 0, {});
  const transfers = { depth: 4, up: 's16', down: 'softspoken', ...change };
  await sendJson(near, tags.accept, 0, { plan: planHash(plan), transfers });
  await expect(greeted).rejects.toThrow(ProtocolError);
  await expect(greeted).rejects.toThrow(message);
});

describe('a server of several models', () => {
  const offers = () => [offerOf(plan, 'first'), offerOf({ ...plan, name: 'other' }, 'second')];

  test('gives the one that is named, or that has the hash, or else its first', async () => {
    const [first, second] = offers();
    for (const [wanted, offer] of [
      [{}, first],
      [{ model: 'second' }, second],
      [{ planHash: second!.hash }, second],
      [{ model: 'first', planHash: first!.hash }, first],
    ] as const) {
      const [client, server] = await handshake(wanted, offers());
      expect(client).toMatchObject({ value: { plan: offer!.plan } });
      expect(server).toMatchObject({ status: 'fulfilled', value: { offer } });
    }
  });

  test('refuses a name that it does not have, and a hash that the name does not have', async () => {
    const [, second] = offers();
    const [, unknown] = await handshake({ model: 'third' }, offers());
    expect(unknown).toMatchObject({ reason: { message: 'model: this server has first, second, not third' } });
    const [, hostile] = await handshake({ model: 'third\u001b[2J' }, offers());
    expect(hostile).toMatchObject({
      reason: { message: 'model: this server has first, second, not third [2J' },
    });
    const [, mixed] = await handshake({ model: 'first', planHash: second!.hash }, offers());
    expect(mixed).toMatchObject({ reason: { message: /^plan: the client expects .*, this server runs/ } });
  });
});

test('a refusal says when to come again; its text is safe to print', async () => {
  const refused = greetedWith(new Uint8Array(5), { refused: 'full \u001b[2J', retryAfter: 3 });
  await expect(refused).rejects.toThrow(RefusedError);
  await expect(refused).rejects.toMatchObject({ message: 'full  [2J', retryAfter: 3 });
});

test.each([
  ['no JSON', 'x', /^terms\b/],
  ['no limits', {}, /^terms\b/],
  ['limits of another form', { ...testTerms, limits: { ...testTerms.limits, prepared: -1 } }, /^terms/],
  ['more than was agreed', { ...testTerms, more: 1 }, /^terms/],
])('terms with %s are the fault of the server', async (_, terms, message) => {
  const greeted = greetedWith(new Uint8Array(5), terms as object);
  await expect(greeted).rejects.toThrow(ProtocolError);
  await expect(greeted).rejects.toThrow(message);
});

test('a plan with a layer that no memory holds is refused by the client when it reads it', async () => {
  const far = { pads: [0, 0, 56, 56], dilations: [63, 63] } as const;
  const spec = { ...convolution(12_000, 1, 8, 2), ...far, weightBits: 1 };
  const wires = [{ shape: [12_000, 8, 8] }, { shape: [1, ...outputSize(spec)] }].map((wire) => ({
    ...wire,
    scale: 1,
    bits: 8,
  }));
  const steps = [{ kind: 'linear', id: 1, node: 'conv', inputs: [0], output: 1, spec } as const];
  const huge: Plan = { ...tinyPlan, wires, input: { wire: 0 }, output: { answer: 'logits', wire: 1 }, steps };
  const greeted = greetedWith(serialisePlan(huge));
  await expect(greeted).rejects.toThrow(ProtocolError);
  await expect(greeted).rejects.toThrow(
    /^plan: convolution 12000 -> 1, 8 x 8.*at most 1,073,741,824 are held at once/,
  );
});

test('with another plan expected both sides end', async () => {
  const [client, server] = await handshake({ planHash: '0'.repeat(64) });
  expect(client.status).toBe('rejected');
  expect(server).toMatchObject({ status: 'rejected', reason: { name: 'ProtocolError' } });
});

test('a hash that is none is the caller’s fault', async () => {
  const [near] = memoryChannels();
  await expect(greetServer(near, { planHash: 'abc' })).rejects.toThrow(UsageError);
});

test('a plan that is hostile, or that the cryptography refuses, is the server’s fault', async () => {
  await expect(greetedWith(new Uint8Array(5))).rejects.toThrow('plan: not JSON');
  const tooWide = structuredClone(plan) as { steps: { kind: string; spec: { weightBits: number } }[] } & Plan;
  tooWide.steps.find((step) => step.kind === 'linear')!.spec.weightBits = 20;
  const refused = greetedWith(serialisePlan(tooWide));
  await expect(refused).rejects.toThrow(ProtocolError);
  await expect(refused).rejects.toThrow(/^plan: convolution 3 -> 6.*use fewer bits per weight/);
});

test('a client that accepts another plan is refused', async () => {
  const [near, far] = memoryChannels();
  const greeted = greetClient(far, offering(plan));
  await sendJson(near, tags.hello, 0, {});
  await near.receive(tags.terms, 0, agreementBytes);
  await near.receiveUpTo(tags.welcome, 0, 2 ** 20);
  const transfers = { depth: 4, up: 'softspoken', down: 'softspoken' };
  await sendJson(near, tags.accept, 0, { plan: '0'.repeat(64), transfers });
  await expect(greeted).rejects.toThrow(/^plan: the client accepted 0000/);
});
