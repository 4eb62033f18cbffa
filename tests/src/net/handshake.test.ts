import { beforeAll, expect, test } from 'vitest';
import { planHash, serialisePlan } from '../../../pipelines/plan/codec.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { greetClient, greetServer } from '../../../src/net/handshake.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import { ProtocolError, UsageError } from '../../../src/shared/errors.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { servedNet } from '../fixtures/served-net.ts';

let plan: Plan;
beforeAll(async () => {
  ({ plan } = (await servedNet()).prepared);
});

/** Both halves; a half that fails hangs up. */
async function handshake(expected?: string) {
  const [near, far] = memoryChannels();
  const hangUp = (channel: typeof near) => (error: Error) => {
    channel.close(error);
    throw error;
  };
  return Promise.allSettled([
    greetServer(near, expected).catch(hangUp(near)),
    greetClient(far, plan).catch(hangUp(far)),
  ]);
}

/** What the client says to a server that sends these bytes for a plan. */
async function greetedWith(welcome: Uint8Array, expected?: string): Promise<unknown> {
  const [near, far] = memoryChannels();
  const greeted = greetServer(near, expected);
  await far.receive(tags.hello, 0, 33);
  await far.send(tags.welcome, 0, welcome);
  return greeted;
}

test('with the plan expected, or with none expected, the client gets the plan', async () => {
  for (const expected of [undefined, planHash(plan), planHash(plan).toUpperCase()]) {
    const [client, server] = await handshake(expected);
    expect(client).toEqual({ status: 'fulfilled', value: plan });
    expect(server.status).toBe('fulfilled');
  }
});

test('with another plan expected both sides end', async () => {
  const [client, server] = await handshake('0'.repeat(64));
  expect(client.status).toBe('rejected');
  expect(server).toMatchObject({ status: 'rejected', reason: { name: 'ProtocolError' } });
});

test('a hash that is none is the caller’s fault', async () => {
  const [near] = memoryChannels();
  await expect(greetServer(near, 'abc')).rejects.toThrow(UsageError);
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
  const greeted = greetClient(far, plan);
  await near.send(tags.hello, 0, new Uint8Array(33));
  await near.receiveUpTo(tags.welcome, 0, 2 ** 20);
  await near.send(tags.accept, 0, new Uint8Array(32));
  await expect(greeted).rejects.toThrow(/^plan: the client accepted 0000/);
});
