import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { tags } from '../../../../crypto/channel/channel.ts';
import { connect } from '../../../../src/client.ts';
import type { Session } from '../../../../src/client.ts';
import { evaluateSession } from '../../../../src/cli/commands/evaluate/served.ts';
import { inferMany } from '../../../../src/cli/commands/infer/many.ts';
import type { Context } from '../../../../src/cli/options/command.ts';
import { cli, cliJson, cliServer, finished, quiet, startCli } from '../../../helpers/processes/cli.ts';
import type { CliServer } from '../../../helpers/processes/cli.ts';
import { cuttingProxy } from '../../../helpers/protocol/cutting-proxy.ts';
import type { CuttingProxy } from '../../../helpers/protocol/cutting-proxy.ts';
import { writeTiny } from '../../../helpers/networks/networks.ts';

type Batch = {
  complete: boolean;
  answered: number;
  seconds_per_image: number;
  bytes_per_image: Record<'offline' | 'online', { bytes_up: number; bytes_down: number }>;
  accuracy: number;
};
type Many = Batch & { answers: { index: number; label: number; right: boolean; logits: number[] }[] };
type Evaluated = Batch & {
  n: number;
  per_class: { class: string; n: number; accuracy: number | null }[];
  agreement: { agree: number; images: number };
};

const data = ['--data', 'fashion-mnist-part'];
let folder: string;
let model: string;
let server: CliServer;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-batches-'));
  model = await writeTiny(folder);
  server = await cliServer(['serve', model, ...data, '--port', '0', '--threads', '1', '--json']);
  ({ url } = JSON.parse(server.said) as { url: string });
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

test('infer --count and evaluate of a server give the answers of the network, in order, and what they cost', async () => {
  const out = join(folder, 'answers.json');
  const many = await cliJson<Many>(['infer', url, ...data, '--index', '2', '--count', '4', '--out', out]);
  expect(many.answers.map(({ index }) => index)).toEqual([2, 3, 4, 5]);
  expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(many);
  const clear = await cliJson<Evaluated>(['evaluate', model, ...data, '--limit', '6']);
  const served = await cliJson<Evaluated>([
    'evaluate',
    url,
    ...data,
    '--count',
    '6',
    '--against',
    model,
    '--memory',
    '30MB',
  ]);
  expect(served).toMatchObject({ complete: true, answered: 6, n: 6, accuracy: clear.accuracy });
  expect(served.per_class).toEqual(clear.per_class);
  expect(served.agreement).toMatchObject({ agree: 6, images: 6 });
  expect(many.accuracy).toBe(many.answers.filter(({ right }) => right).length / 4);
  for (const { bytes_per_image, seconds_per_image } of [many, served]) {
    expect(seconds_per_image).toBeGreaterThan(0);
    expect(bytes_per_image.online.bytes_up).toBeGreaterThan(4 * 784);
  }
});

/**
 * Waits until a client has the answers of two images: it sends the masked image of a further one only when it has
 * all that it asked for before.
 */
async function answeredTwo({ passed }: CuttingProxy): Promise<void> {
  const answers = () => {
    const last = passed.findLastIndex(({ tag }) => tag === tags.masked);
    return passed.slice(0, last).filter(({ tag }) => tag === tags.output).length;
  };
  while (answers() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('when it is stopped in between, what was answered is printed and written', async () => {
  const proxy = await cuttingProxy(url);
  const out = join(folder, 'stopped.json');
  const child = startCli(['infer', proxy.url, ...data, '--count', '60', '--out', out, '--json']);
  const ended = finished(child);
  await answeredTwo(proxy);
  child.kill('SIGINT');
  const { code, stdout, stderr } = await ended;
  proxy.close();
  const part = JSON.parse(stdout) as Many;
  expect(part.complete).toBe(false);
  expect(part.answered).toBeGreaterThanOrEqual(2);
  expect(part.answers).toHaveLength(part.answered);
  expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(part);
  expect(stderr).toMatch(/reluctant: stopped\n$/);
  expect(code).toBe(130);
});

describe('when it is stopped after the last answer, all answers are printed already', () => {
  /**
   * Runs `ask` in a session, and `look` right after the last answer: before any file or socket can have
   * answered, as a signal may come.
   */
  async function afterLast<T>(
    ask: (session: Session, context: Context) => Promise<unknown>,
    look: (shown: number) => T,
  ): Promise<T> {
    let found: T | undefined;
    let shown = 0;
    const session = await connect(url, {});
    const inferAll = session.inferAll.bind(session);
    vi.spyOn(session, 'inferAll').mockImplementation((...args) =>
      inferAll(...args).finally(() => setImmediate(() => (found = look(shown)))),
    );
    const context = { ...quiet, say: () => undefined, show: () => void shown++, staysUp: () => undefined };
    const signal = new AbortController().signal;
    await ask(session, { ...context, signal });
    await session.close();
    return found!;
  }

  test('infer --count has written them too', async () => {
    const out = join(folder, 'all.json');
    const many = { data: 'fashion-mnist-part', count: 2, out };
    const found = await afterLast(
      (session, context) => inferMany(session, many, context),
      (shown) => [shown, existsSync(out)],
    );
    expect(found).toEqual([1, true]);
  });

  test('evaluate', async () => {
    const options = { data: 'fashion-mnist-part', split: 'test', limit: 2 } as const;
    const found = await afterLast(
      (session, context) => evaluateSession(session, options, context),
      (shown) => shown,
    );
    expect(found).toBe(1);
  });
});

test('when the server is gone in between, what was answered is printed and written, and the code says so', async () => {
  const proxy = await cuttingProxy(url);
  const out = join(folder, 'part.json');
  const asked = cli(['infer', proxy.url, ...data, '--count', '30', '--retry', '0', '--out', out, '--json']);
  await answeredTwo(proxy);
  proxy.cutAfter(1);
  const { code, stdout, stderr } = await asked;
  proxy.close();
  expect(code).toBe(6);
  const part = JSON.parse(stdout) as Many;
  expect(part.complete).toBe(false);
  expect(part.answered).toBeGreaterThanOrEqual(2);
  expect(part.answers.map(({ index }) => index)).toEqual(Array.from({ length: part.answered }, (_, i) => i));
  expect(stderr).toContain(`reluctant: ${part.answered} of 30 images are answered: `);
  expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(part);
});

describe('what is wrong is named, and nothing is asked', () => {
  test.each([
    [['infer', 'URL', ...data, '--count', '1501'], 4, /at most 1,500 images, got images 0 to 1500/],
    [['infer', 'URL', '--image', 'a.png', '--count', '2'], 2, /--count goes with --data/],
    [['infer', 'URL', ...data, '--index', '1', '--out', 'a.json'], 2, /--out goes with --count/],
    [['evaluate', 'URL', ...data, '--private'], 2, /--private is for a model file/],
    [['evaluate', 'MODEL', ...data, '--against', 'MODEL'], 2, /--against is for a server/],
    [['evaluate', 'MODEL', ...data, '--memory', '30MB'], 2, /--memory is for a server/],
    [['evaluate', 'URL', ...data, '--memory', '30'], 2, /such as 64MB/],
    [['evaluate', 'URL', '--data', 'cifar-like'], 4, /cifar-like/],
    [['evaluate', 'URL', ...data, '--against', 'none.onnx'], 3, /none\.onnx/],
  ] as const)('%j', async (words, code, says) => {
    const args = words.map((word) => (word === 'URL' ? url : word === 'MODEL' ? model : word));
    const result = await cli(args);
    expect(result.stderr).toMatch(says);
    expect(result.code).toBe(code);
    expect(result.stdout).toBe('');
  });
});
