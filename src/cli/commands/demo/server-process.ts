import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ReluctantError } from '../../../shared/errors.ts';
import { workerUrl } from '../../../shared/files.ts';

export type ServerProcess = { readonly url: string; readonly planHash: string; stop(): Promise<void> };

/**
 * Runs `reluctant serve MODEL` as a process of its own and waits for its address. It ends with `stop`, with the signal, and, by the
 * channel between the two, when this process is gone.
 */
export async function serverProcess(
  model: string,
  data: string,
  signal: AbortSignal,
): Promise<ServerProcess> {
  const main = fileURLToPath(workerUrl(import.meta.url, '../../main'));
  const child = spawn(process.execPath, [main, 'serve', model, '--port', '0', '--data', data, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  // Not 'close': after `disconnect` Node never emits it.
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    const { url, plan_hash } = JSON.parse(await firstLine(child)) as { url: string; plan_hash: string };
    const stop = async () => {
      child.disconnect();
      await ended;
      signal.removeEventListener('abort', kill);
    };
    return { url, planHash: plan_hash, stop };
  } catch (error) {
    kill();
    throw error;
  }
}

/** Rejects with what the process said on stderr where it ends before its first line. */
function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let [said, complaint] = ['', ''];
    child.stderr!.on('data', (chunk: Buffer) => (complaint += String(chunk)));
    child.stdout!.on('data', (chunk: Buffer) => {
      said += String(chunk);
      if (said.includes('\n')) resolve(said.slice(0, said.indexOf('\n')));
    });
    child.once('error', reject);
    child.once('close', () => reject(new ReluctantError(`the server process ended: ${complaint.trim()}`)));
  });
}
