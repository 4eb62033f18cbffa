import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { freePort } from './free-port.ts';

/** Debian's, and where others put theirs. */
const places = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server'];

export const redisFile: string | undefined = places.find((file) => existsSync(file));

/** Why a test that needs one is skipped. */
export const noRedis = 'needs a Redis server: apt-get install redis-server';

export type RedisServer = { readonly url: string; readonly stop: () => Promise<void> };

/** A real server on a free port of this machine, with nothing kept. */
export async function startRedis(options: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn(redisFile!, [...own, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  await ready(child);
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}

async function ready(child: ChildProcess): Promise<void> {
  let said = '';
  for await (const chunk of child.stdout!) {
    said += String(chunk);
    if (said.includes('Ready to accept connections')) return void child.stdout!.resume();
  }
  throw new Error(`redis-server ended: ${said}`);
}
