import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ReluctantError } from '../../../shared/errors.ts';
import { workerUrl } from '../../../shared/files.ts';
import type { FromServer, ToServer } from './messages.ts';
import type { BenchNetwork } from './network.ts';

/** The server's process; one question at a time. */
export class ServerParty {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  /** In the network's place for servers. `signal` ends the process. */
  constructor({ within }: BenchNetwork, signal: AbortSignal) {
    const program = fileURLToPath(workerUrl(import.meta.url, 'server-main'));
    const command = [...within, process.execPath, ...process.execArgv];
    this.#child = fork(program, { execPath: command[0]!, execArgv: command.slice(1) });
    this.#ended = once(this.#child, 'exit');
    signal.addEventListener('abort', () => this.#child.kill('SIGKILL'));
  }

  async ask<K extends FromServer['kind']>(
    kind: K,
    question: ToServer,
  ): Promise<Extract<FromServer, { kind: K }>> {
    const ended = this.#ended.then(() => [{ kind: 'failed', message: 'its process ended' }]);
    this.#child.send(question);
    const [answer] = (await Promise.race([once(this.#child, 'message'), ended])) as [FromServer];
    if (answer.kind === 'failed') throw new ReluctantError(`bench: the server: ${answer.message}`);
    return answer as Extract<FromServer, { kind: K }>;
  }

  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.send({ kind: 'stop' } satisfies ToServer);
    await this.#ended;
  }
}
