import { readFileSync } from 'node:fs';
import { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import { planHash } from '../../../pipelines/plan/codec.ts';
import { connect } from '../../../src/client.ts';
import { startServer } from '../../../src/server.ts';
import { hostedModels } from '../../../src/serving/models.ts';
import { PlanError, ProtocolError } from '../../../src/shared/errors.ts';
import { freePort } from '../../helpers/processes/free-port.ts';
import { servedNet } from '../fixtures/served-net.ts';

// What who runs a server does with it: certificates, questions of tools, and its end.

const fixture = (name: string) =>
  fileURLToPath(new URL(`../fixtures/test-only.${name}.pem`, import.meta.url));

/** Of all clients here. */
const pool = new ThreadPool(1);
let prepared: Prepared;
let images: Float32Array[];

beforeAll(async () => {
  ({ prepared, images } = await servedNet());
});
afterAll(() => pool.close());

test('over TLS: with the certificate trusted it works, without it does not', async () => {
  const tls = { cert: fixture('cert'), key: fixture('key') };
  const secured = await startServer({ ...prepared, threads: 1, tls });
  expect(secured.url).toMatch(/^wss:/);
  await expect(connect(secured.url, { pool })).rejects.toThrow(
    /its certificate is self-signed; if it is the right one, trust it with --ca/,
  );
  const session = await connect(secured.url, { pool, ca: readFileSync(tls.cert) });
  expect((await session.infer(images[0]!)).logits!.length).toBe(5);
  await session.close();
  await secured.close();
});

test('a renewed certificate is taken while sessions go on; a wrong one changes nothing', async () => {
  const [old, renewed] = ['', 'renewed.'].map((name) => ({
    cert: fixture(`${name}cert`),
    key: fixture(`${name}key`),
  })) as [{ cert: string; key: string }, { cert: string; key: string }];
  const secured = await startServer({ ...prepared, threads: 1, tls: old });
  const trusts = (pair: { cert: string }) => ({ pool, ca: readFileSync(pair.cert) });
  const session = await connect(secured.url, trusts(old));
  await session.prepare();
  expect(() => secured.reload({ tls: { ...renewed, key: old.key } })).toThrow(/is not the key/);
  await expect(connect(secured.url, trusts(renewed))).rejects.toThrow(/certificate/);
  secured.reload({ tls: renewed });
  await (await connect(secured.url, trusts(renewed))).close();
  expect((await session.infer(images[0]!)).logits).toHaveLength(5);
  await session.close();
  await secured.close();
});

test('a model whose layers no message can carry changes nothing, tokens and certificates included', async () => {
  const tokens = ['old', 'new'].map((name) => `${name}-0123456789abcdef`) as [string, string];
  const named = await startServer({ ...prepared, threads: 1, tokens: [tokens[0]] });
  const steps = prepared.plan.steps.map((step) =>
    step.kind === 'linear' ? { ...step, spec: { ...step.spec, weightBits: 40 } } : step,
  );
  const broken = { plan: { ...prepared.plan, steps }, weights: prepared.weights };
  expect(() => named.reload({ models: [broken], tokens: [tokens[1]] })).toThrow(PlanError);
  const session = await connect(named.url, { pool, token: tokens[0] });
  expect(planHash(session.plan)).toBe(planHash(prepared.plan));
  await session.close();
  const tls = { cert: fixture('cert'), key: fixture('key') };
  expect(() => named.reload({ tls, tokens: [tokens[1]] })).toThrow('began without TLS');
  await (await connect(named.url, { pool, token: tokens[0] })).close();
  await named.close();
});

test('a model that is served again after a reload keeps its name in the caches; others get one', () => {
  const { plan, weights } = prepared;
  const nameOf = (given: Pick<Prepared, 'plan' | 'weights'>) => hostedModels([given])[0]!.weightsName;
  const name = nameOf({ plan, weights });
  expect(nameOf({ plan, weights })).toBe(name);
  expect(nameOf({ plan, weights: new Map(weights) })).not.toBe(name);
  // Another plan may pack the same weights otherwise.
  expect(nameOf({ plan: { ...plan }, weights })).not.toBe(name);
});

test('a server that goes away ends its sessions with a reason; its port can be taken again', async () => {
  const served = { ...prepared, threads: 1, port: await freePort() };
  const short = await startServer(served);
  const session = await connect(short.url, { pool });
  await expect(startServer(served)).rejects.toThrow(/EADDRINUSE/);
  await short.close();
  await expect(session.infer(images[0]!)).rejects.toThrow(/the server is shutting down|the peer left/);
  await session.close();
  const again = await startServer(served);
  await again.close();
});

test('a server takes clients from the moment at which it listens', async () => {
  const takers: number[] = [];
  const listen = Reflect.get(Server.prototype, 'listen') as (this: Server, ...given: unknown[]) => Server;
  const watched = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...given) {
    takers.push(this.listenerCount('upgrade'));
    return listen.apply(this, given);
  });
  const server = await startServer({ ...prepared, threads: 1 });
  watched.mockRestore();
  await server.close();
  expect(takers).toEqual([1]);
});

describe('what an operator’s tools ask', () => {
  const ask = (url: string, path: string, init?: RequestInit) =>
    fetch(url.replace(/^ws/, 'http') + path, init);

  test('whether it lives, whether it takes clients, and which models it has', async () => {
    const running = await startServer({ ...prepared, threads: 1 });
    expect(await (await ask(running.url, '/healthz')).text()).toBe('ok\n');
    expect((await ask(running.url, '/readyz', { method: 'HEAD' })).status).toBe(200);
    const hash = planHash(prepared.plan);
    const models = await ask(running.url, '/models');
    expect(await models.json()).toEqual({ models: [{ name: prepared.plan.name, plan_hash: hash }] });
    for (const [path, method] of [
      ['/other', 'GET'],
      ['/healthz', 'POST'],
      ['/constructor', 'GET'],
    ] as const)
      expect((await ask(running.url, path, { method })).status).toBe(426);
    await running.close();
  });

  test('a server that shuts down is not ready, and models are for known clients only', async () => {
    const token = 'a-token-0123456789';
    const port = await freePort();
    const named = await startServer({ ...prepared, threads: 1, tokens: [token], port });
    expect((await ask(named.url, '/models')).status).toBe(401);
    const headers = { authorization: `Bearer ${token}` };
    expect((await ask(named.url, '/models', { headers })).status).toBe(200);
    const session = await connect(named.url, { pool, token });
    await session.prepare();
    const closed = named.close({ drainSeconds: 60 });
    await expect(ask(named.url, '/readyz')).rejects.toThrow();
    await session.infer(images[0]!);
    await closed;
    await session.close();
  });
});

describe('closing', () => {
  test('an inference that has begun gets its answer, idle sessions end at once, nobody new comes in', async () => {
    const draining = await startServer({ ...prepared, threads: 1, port: await freePort() });
    const [busy, idle] = [await connect(draining.url, { pool }), await connect(draining.url, { pool })];
    await busy.prepare();
    const closed = draining.close({ drainSeconds: 60 });
    await expect(idle.infer(images[0]!)).rejects.toThrow('the server is shutting down');
    await expect(connect(draining.url, { pool })).rejects.toThrow(ProtocolError);
    expect((await busy.infer(images[0]!)).logits).toHaveLength(5);
    await closed;
    await expect(busy.prepare()).rejects.toThrow('the server is shutting down');
    await Promise.all([busy.close(), idle.close()]);
  });

  test('without time to drain a prepared inference is given up', async () => {
    const hurried = await startServer({ ...prepared, threads: 1 });
    const session = await connect(hurried.url, { pool });
    await session.prepare();
    await hurried.close();
    await expect(session.infer(images[0]!)).rejects.toThrow('the server is shutting down');
    await session.close();
  });
});
