import type { ChildProcess } from 'node:child_process';
import { copyFile, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ThreadPool } from '../../../../crypto/worker/thread-pool.ts';
import { connect } from '../../../../src/client.ts';
import { jsonLines } from '../../../../src/cli/commands/serve/json-lines.ts';
import { loadModels } from '../../../../src/cli/commands/serve/models.ts';
import type { LoadedModel } from '../../../../src/cli/commands/serve/models.ts';
import type { Context } from '../../../../src/cli/options/command.ts';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import { packageRoot } from '../../../../src/shared/files.ts';
import { cli, finished, quiet, startCli } from '../../../helpers/processes/cli.ts';
import { freePort } from '../../../helpers/processes/free-port.ts';
import { writeTiny } from '../../../helpers/networks/networks.ts';

/** The threads of all clients here: starting some for each takes 0.4 s of processor time. */
const pool = new ThreadPool(1);
afterAll(() => pool.close());

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-serve-'));
  model = await writeTiny(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const main = join(packageRoot, 'src/cli/main.ts');
const serve = (...more: string[]) => [
  'serve',
  model,
  '--data',
  'fashion-mnist-part',
  '--port',
  '0',
  '--threads',
  '1',
  ...more,
];

/** The lines of a process, one after the other. */
function linesOf(child: ChildProcess): () => Promise<string> {
  const lines: string[] = [];
  let rest = '';
  let wake: () => void = () => undefined;
  child.stdout!.on('data', (chunk: Buffer) => {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
    wake();
  });
  return async () => {
    while (lines.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return lines.shift()!;
  };
}

const image = new Float32Array(784).fill(0.5);

describe('output that cannot be written', () => {
  test('a command says so and fails', async () => {
    const full = await open('/dev/full', 'w');
    const child = spawn(process.execPath, [main, 'inspect', model, '--json'], {
      stdio: ['ignore', full.fd, 'pipe'],
    });
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => (said += String(chunk)));
    const code = await new Promise((resolve) => child.once('close', resolve));
    await full.close();
    expect(said).toMatch(/^reluctant: cannot write the output: ENOSPC/);
    expect(code).toBe(1);
  });

  test('a reader that has left ends a command quietly', async () => {
    const child = startCli(['inspect', model, '--json']);
    child.stdout!.destroy();
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => (said += String(chunk)));
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    expect(said).toBe('');
  });

  test('a server goes on when the reader of its log has left', async () => {
    const child = startCli(serve('--json'));
    const { url } = JSON.parse(await linesOf(child)()) as { url: string };
    child.stdout!.destroy();
    for (let session = 0; session < 2; session++) {
      const client = await connect(url, { pool });
      expect((await client.infer(image)).logits).toHaveLength(10);
      await client.close();
    }
    expect(child.exitCode).toBeNull();
    child.kill('SIGKILL');
  });
});

const patient = { pool, retrySeconds: 60 };

test('a server goes on when the disk of its log is full', async () => {
  const port = await freePort();
  const full = await open('/dev/full', 'w');
  const words = [main, ...serve('--json', '--port', String(port))];
  const child = spawn(process.execPath, words, { stdio: ['ignore', full.fd, 'ignore'] });
  for (let session = 0; session < 2; session++) {
    const client = await connect(`ws://127.0.0.1:${port}`, patient);
    expect((await client.infer(image)).logits).toHaveLength(10);
    await client.close();
  }
  expect(child.exitCode).toBeNull();
  child.kill('SIGKILL');
  await full.close();
});

test('kill -9: a client goes on with the server that takes its place, and only what was prepared is lost', async () => {
  const port = await freePort();
  const start = () => startCli(serve('--json', '--port', String(port)));
  const first = start();
  const client = await connect(`ws://127.0.0.1:${port}`, patient);
  await client.prepare();
  const { plan } = client;
  const ended = finished(first);
  first.kill('SIGKILL');
  await ended;
  const second = start();
  const line = linesOf(second);
  expect((await client.infer(image)).logits).toHaveLength(10);
  expect(client.plan).toEqual(plan);
  await client.close();
  const { url } = JSON.parse(await line()) as { url: string };
  expect(url).toBe(`ws://127.0.0.1:${port}`);
  const kinds: unknown[] = [];
  for (let i = 0; i < 3; i++) kinds.push((JSON.parse(await line()) as { kind: string }).kind);
  expect(kinds).toEqual(['opened', 'inference', 'closed']);
  second.kill('SIGKILL');
});

test('the log is lines of JSON: who, when, which plan, what it took; tokens have names', async () => {
  const tokens = join(folder, 'tokens');
  await writeFile(tokens, '# of the hospital\nward-7: 0123456789abcdefghij\n');
  const child = startCli(serve('--json', '--tokens', tokens));
  const line = linesOf(child);
  const { url, plan_hash: plan } = JSON.parse(await line()) as { url: string; plan_hash: string };
  await expect(connect(url, { pool })).rejects.toThrow(/token/);
  const client = await connect(url, { pool, token: '0123456789abcdefghij' });
  await client.infer(image);
  await client.close();
  const events: unknown[] = [];
  for (let i = 0; i < 4; i++) events.push(JSON.parse(await line()));
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string;
  const phase = { seconds: expect.any(Number) as number, bytes_up: expect.any(Number) as number };
  expect(events).toMatchObject([
    { kind: 'refused', time, reason: 'it shows no token' },
    { kind: 'opened', time, session: 1, peer: 'ward-7' },
    { kind: 'inference', time, plan, session: 1, peer: 'ward-7', offline: phase, online: phase },
    { kind: 'closed', time, plan, session: 1, peer: 'ward-7', reason: null },
  ]);
  child.kill('SIGKILL');
});

describe('told to stop', () => {
  test('SIGTERM lets an inference that has begun end, and the exit code is 0', async () => {
    const child = startCli(serve('--json'));
    const { url } = JSON.parse(await linesOf(child)()) as { url: string };
    const client = await connect(url, { pool });
    await client.prepare();
    const ended = finished(child);
    child.kill('SIGTERM');
    expect((await client.infer(image)).logits).toHaveLength(10);
    const { code, stderr } = await ended;
    expect(stderr).toContain('stopping; repeat to stop at once');
    expect(code).toBe(0);
    await client.close();
  });

  test('a second signal ends it at once', async () => {
    const child = startCli(serve('--json'));
    const { url } = JSON.parse(await linesOf(child)()) as { url: string };
    const client = await connect(url, { pool });
    await client.prepare();
    const ended = once(child, 'close');
    child.kill('SIGTERM');
    let said = '';
    await new Promise<void>((resolve) => {
      child.stderr!.on('data', (text: Buffer) => {
        said += String(text);
        if (said.includes('stopping; repeat to stop at once')) resolve();
      });
    });
    // One within half a second of the first would count as the first.
    await new Promise((resolve) => setTimeout(resolve, 800));
    child.kill('SIGTERM');
    expect(await ended).toEqual([143, null]);
    await client.close();
  });
});

describe('SIGHUP', () => {
  test('that comes while the server begins does not end it: it reloads once it serves', async () => {
    const args = ['serve', model, '--data', 'fashion-mnist-part', '--port', '0', '--threads', '1'];
    const child = startCli([...args, '--log', 'json']);
    // Calibration runs in a process of its own.
    const children = `/proc/${child.pid}/task/${child.pid}/children`;
    await expect.poll(() => readFile(children, 'utf8'), { timeout: 60_000 }).not.toBe('');
    child.kill('SIGHUP');
    const line = linesOf(child);
    expect(JSON.parse(await line())).toMatchObject({ kind: 'serving' });
    expect(JSON.parse(await line())).toMatchObject({ kind: 'reloaded' });
    child.kill('SIGKILL');
  });

  test('reloads models and tokens; sessions go on; what is wrong changes nothing', async () => {
    const own = await mkdtemp(join(tmpdir(), 'reluctant-reload-'));
    const [first, second, tokens] = ['a.onnx', 'b.onnx', 'tokens'].map((name) => join(own, name));
    await copyFile(model, first!);
    await copyFile(model, second!);
    await writeFile(tokens!, 'old: 0123456789-old-token\n');
    const models = [first!, second!, '--name', 'a', '--name', 'b', '--data', 'fashion-mnist-part'];
    const child = startCli([
      'serve',
      ...models,
      '--port',
      '0',
      '--threads',
      '1',
      '--tokens',
      tokens!,
      '--log',
      'json',
    ]);
    const line = linesOf(child);
    /** The next line of this kind. */
    const lineOf = async (kind: string) => {
      for (;;) {
        const found = JSON.parse(await line()) as Line;
        if (found.kind === kind) return found;
      }
    };
    type Line = { kind: string; level: string; url: string; models: { plan_hash: string }[]; msg: string };
    const { url, models: before, level } = await lineOf('serving');
    expect(level).toBe('info');
    const token = '0123456789-old-token';
    const session = await connect(url, { pool, token, model: 'b' });
    expect(planHash(session.plan)).toBe(before[1]!.plan_hash);
    await session.prepare();

    await copyFile(await writeTiny(own, 5), second!);
    await writeFile(tokens!, 'new: 0123456789-new-token\nold: 0123456789-old-token\n');
    child.kill('SIGHUP');
    const { models: after } = await lineOf('reloaded');
    expect(after[0]).toEqual(before[0]);
    expect(after[1]!.plan_hash).not.toBe(before[1]!.plan_hash);
    expect((await session.infer(image)).logits).toHaveLength(10);
    const wanted = { pool, model: 'b', planHash: after[1]!.plan_hash };
    await (await connect(url, { ...wanted, token: '0123456789-new-token' })).close();

    await writeFile(tokens!, 'old: 0123456789-old-token\nold: short\n');
    child.kill('SIGHUP');
    expect(await lineOf('reload-failed')).toMatchObject({
      level: 'error',
      msg: /nothing has changed: --tokens/,
    });
    await (await connect(url, { ...wanted, token: '0123456789-new-token' })).close();

    await writeFile(tokens!, 'new: 0123456789-new-token\n');
    child.kill('SIGHUP');
    await lineOf('reloaded');
    await expect(session.prepare()).rejects.toThrow("this client's token is no longer known");
    await expect(connect(url, { pool, token })).rejects.toThrow('it does not know this token');
    child.kill('SIGKILL');
    await rm(own, { recursive: true });
  });
});

test('a file that is served under two names keeps both when it is loaded again', async () => {
  const fileHash = createHash('sha256')
    .update(await readFile(model))
    .digest('hex');
  const known = ['one', 'two'].map((name) => ({ given: model, fileHash, name })) as LoadedModel[];
  const flags = { name: ['one', 'two'], data: ['fashion-mnist-part'] };
  const { signal } = new AbortController();
  const [say, show, staysUp] = [() => undefined, () => undefined, () => undefined];
  const context: Context = { ...quiet, say, show, signal, staysUp };
  expect(await loadModels([model, model], flags, context, known)).toEqual(known);
});

test('a name or data for each model, or none', async () => {
  const named = await cli(['serve', model, model, '--name', 'one', '--data', 'fashion-mnist-part']);
  expect(named).toMatchObject({ code: 2, stderr: /--name: expected one for each of 2 models, got 1/ });
});

test('a log of JSON lines shows no secret, wherever it is', () => {
  const lines: string[] = [];
  const write = jsonLines((text) => lines.push(text));
  write(
    'warn',
    'refused',
    { token: 'S1', client: { authorization: 'S2' }, deep: { er: { ticket: 'S3' } } },
    'no',
  );
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'warn', kind: 'refused', msg: 'no' });
  expect(lines[0]).not.toMatch(/S[123]/);
  expect(lines[0]!.match(/redacted/g)).toHaveLength(3);
});
