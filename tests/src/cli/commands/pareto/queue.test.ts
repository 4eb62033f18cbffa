import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RunStore } from '../../../../../pipelines/pareto/store.ts';
import { connectRedis } from '../../../../../src/cli/commands/pareto/redis.ts';
import { ProtocolError, UsageError } from '../../../../../src/shared/errors.ts';
import { cli, finished, firstLine, startCli } from '../../../../helpers/processes/cli.ts';
import { noRedis, redisFile, startRedis } from '../../../../helpers/processes/redis.ts';
import type { RedisServer } from '../../../../helpers/processes/redis.ts';
import { sweepFolder } from './sweep-folder.ts';

const { folder, model, data } = await sweepFolder();
const grid = ['--methods', 'deepreduce', '--budgets', '0.5,99999', '--epochs', '1', '--no-measure'];
const sweepArgs = ['pareto', model, '--data', data, ...grid];

/** Resolves with the line on stdout that matches. */
function lineOf(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      text += String(chunk);
      const line = text.split('\n').find((part) => pattern.test(part));
      if (line !== undefined) resolve(line);
    });
    child.once('close', () => reject(new Error(`ended before it said ${pattern}: ${text}`)));
  });
}

describe.skipIf(redisFile === undefined)(`a sweep by a queue (${redisFile ?? noRedis})`, () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  const worker = () => startCli(['worker', '--queue', redis.url, '--lease', '2']);

  test('a job whose worker is killed with -9 is done by another; results come back to the one store', async () => {
    const out = join(folder, 'killed');
    const sweep = startCli([...sweepArgs, '--queue', redis.url, '--out', out]);
    const ended = finished(sweep);
    expect(await firstLine(sweep)).toContain('no worker is there yet');
    const first = worker();
    await lineOf(first, /^original: done/);
    await lineOf(first, /^deepreduce 0.5 seed 1: taken/);
    first.kill('SIGKILL');
    const second = worker();
    expect(await lineOf(second, /^deepreduce 0.5/)).toBe('deepreduce 0.5 seed 1: taken');
    const { code, stdout, stderr } = await ended;
    second.kill('SIGKILL');
    // The network has 4,704 ReLUs: the other job cannot be done, and stops nobody.
    expect(stdout).toMatch(/failed: deepreduce 99999 seed 1: .*99999/);
    expect(stderr).toContain('1 of 3 jobs');
    expect(code).toBe(1);
    using store = new RunStore(join(out, 'runs.sqlite'));
    const runs = store.runs();
    expect(runs.map(({ state }) => state)).toEqual(['done', 'done', 'failed']);
    for (const { result } of runs.slice(0, 2)) expect(existsSync(join(out, result!.onnx))).toBe(true);
    expect(runs[1]!.result!.relus).toBe(2352);
    expect(existsSync(join(out, 'report.html'))).toBe(true);
  });

  test('a server that goes away and does not come back is told from one that is slow', async () => {
    const other = await startRedis();
    const { redis: client, lost } = await connectRedis(other.url, 1);
    expect(await client.ping()).toBe('PONG');
    await other.stop();
    await expect(lost).rejects.toThrow(/^--queue redis:\/\/127\.0\.0\.1:\d+: lost the connection: /);
    await expect(lost).rejects.toThrow(ProtocolError);
  });

  test('a server that restarts is found again', async () => {
    const other = await startRedis();
    const { redis: client, close } = await connectRedis(other.url);
    await other.stop();
    const again = await startRedis(['--port', new URL(other.url).port]);
    expect(await client.ping()).toBe('PONG');
    close();
    await again.stop();
  });

  test('a server that wants a password says so, and the address is printed without one', async () => {
    const closed = await startRedis(['--requirepass', 'secret']);
    const connecting = connectRedis(closed.url.replace('//', '//:wrong@'));
    await expect(connecting).rejects.toThrow(
      /^--queue redis:\/\/127\.0\.0\.1:\d+: cannot use this Redis server: .*(WRONGPASS|AUTH)/,
    );
    await expect(connecting).rejects.toThrow(ProtocolError);
    await closed.stop();
  });
});

describe('without a server', () => {
  test.each(['worker', 'pareto'])('%s ends with 6 and one line', async (command) => {
    const args = command === 'worker' ? ['worker'] : [...sweepArgs, '--out', join(folder, 'none')];
    const { code, stderr } = await cli([...args, '--queue', 'redis://127.0.0.1:1']);
    expect(stderr).toMatch(
      /^reluctant: --queue redis:\/\/127\.0\.0\.1:1: cannot use this Redis server: .*ECONNREFUSED.*\n$/,
    );
    expect(code).toBe(6);
  });

  test.each(['localhost:6379', 'http://localhost', 'redis:///x'])(
    "'%s' is no address of a queue",
    async (address) => {
      await expect(connectRedis(address)).rejects.toThrow(UsageError);
    },
  );
});
