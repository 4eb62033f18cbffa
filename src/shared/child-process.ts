import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { asError, DataError, ModelError, PlanError, ReluctantError, UsageError } from './errors.ts';

/** A message between a process and its child. A type of the two lists the kinds that each side sends. */
export type Message = { readonly kind: string };

export type ChildOptions = {
  /** URL of the file that the child runs, from `workerUrl`. */
  readonly program: string;
  readonly args?: readonly string[];
  /** A command that runs the child's command, such as one that enters a network namespace. */
  readonly within?: readonly string[];
  /** Kills the child. */
  readonly signal?: AbortSignal;
  /** The beginning of error messages. */
  readonly name?: string;
};

/**
 * A child reported a failure, or ended before it was done; in the second case with the last lines that it
 * wrote to stderr.
 */
export class ChildFailure extends ReluctantError {
  override name = 'ChildFailure';
}

/** The message of a child whose work threw an error: the name of its class, and what it says. */
type Failed = { readonly kind: 'failed'; readonly error: string; readonly message: string };

/** Classes of errors that come from a child as they were thrown: the fault is in what the user gave. */
const kept: Readonly<Record<string, new (message: string) => ReluctantError>> = {
  DataError,
  ModelError,
  PlanError,
  UsageError,
};

/**
 * A child process that runs a file of this package. It ends after `stop`, after the signal, and when the
 * channel to this process closes because this process is gone.
 */
export class Child<ToChild extends Message, FromChild extends Message> {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #messages: AsyncIterator<unknown[]>;
  readonly #complaint: () => string;
  readonly #ended: Promise<string>;

  constructor({ program, args = [], within = [], signal, name }: ChildOptions) {
    const [command, ...rest] = [
      ...within,
      process.execPath,
      ...process.execArgv,
      fileURLToPath(program),
      ...args,
    ];
    this.#process = spawn(command!, rest, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Typed arrays stay what they are.
      serialization: 'advanced',
    });
    this.#name = name === undefined ? '' : `${name}: `;
    this.#messages = on(this.#process, 'message', { close: ['disconnect'] });
    this.#complaint = tailOf(this.#process.stderr!);
    this.#ended = endOf(this.#process);
    this.#process.stdout!.resume();
    if (signal !== undefined) this.#endWith(signal);
  }

  /** A child that is gone cannot receive messages; the next message reports that it is gone. */
  send(message: ToChild): void {
    this.#process.send(message, () => undefined);
  }

  /**
   * Waits for a message. Rejects with the error of a child that cannot use what the user gave, and with
   * ChildFailure if the child fails otherwise or ends first.
   */
  async next(): Promise<FromChild> {
    const found = await this.#messages.next().catch(() => undefined);
    if (found === undefined || found.done === true) throw await this.#failure();
    const [message] = found.value as [FromChild | Failed];
    if (isFailed(message)) throw this.#thrown(message);
    return message;
  }

  #thrown({ error, message }: Failed): ReluctantError {
    const Kept = kept[error];
    return Kept === undefined ? new ChildFailure(`${this.#name}${message}`) : new Kept(message);
  }

  async ask<K extends FromChild['kind']>(
    kind: K,
    question: ToChild,
  ): Promise<Extract<FromChild, { kind: K }>> {
    this.send(question);
    const answer = await this.next();
    if (answer.kind !== kind) throw new Error(`${this.#name}expected ${kind}, got ${answer.kind}`);
    return answer as Extract<FromChild, { kind: K }>;
  }

  /** The first line that the child writes to stdout. Rejects with ChildFailure if it ends before that. */
  firstLine(): Promise<string> {
    const lines = createInterface(this.#process.stdout!);
    return new Promise((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => void this.#failure().then(reject));
    });
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** Tells the child to end and waits for it. */
  async stop(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.#ended;
  }

  #endWith(signal: AbortSignal): void {
    const kill = () => this.kill();
    signal.addEventListener('abort', kill);
    if (signal.aborted) kill();
    void this.#ended.then(() => signal.removeEventListener('abort', kill));
  }

  async #failure(): Promise<ChildFailure> {
    const message = `${this.#name}its process ${await this.#ended} before it was done`;
    const complaint = this.#complaint();
    return new ChildFailure(complaint === '' ? message : `${message}: ${complaint}`);
  }
}

/** How the process ended; resolves when all that it wrote to stderr is read. */
async function endOf(child: ChildProcess): Promise<string> {
  // Not 'close': after `disconnect` Node does not emit it.
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  try {
    const [[code, signal]] = await Promise.all([exit, finished(child.stderr!)]);
    return `ended with ${signal ?? `code ${code}`}`;
  } catch (error) {
    return `did not start (${(error as Error).message})`;
  }
}

/** The last lines that a stream has delivered so far. */
function tailOf(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-tailLength)));
  return () => text.trim().split('\n').slice(-tailLines).join('\n');
}

const tailLength = 2000;
const tailLines = 5;

function isFailed(message: Message): message is Failed {
  return message.kind === 'failed';
}

/** Resolves when the message is sent, or when the parent is gone. */
export type Tell<FromChild> = (message: FromChild) => Promise<void>;

/**
 * Runs in the child: calls `receive` with each message of the parent. An error that it throws goes to the
 * parent as a failure. The process ends when the parent stops it or is gone.
 */
export function answerParent<ToChild extends Message, FromChild extends Message>(
  receive: (message: ToChild, tell: Tell<FromChild>) => Promise<void> | void,
): void {
  const answer = async (message: ToChild) => {
    try {
      await receive(message, tell);
    } catch (thrown) {
      const { name: error, message } = asError(thrown);
      await tell({ kind: 'failed', error, message });
    }
  };
  process.on('message', (message: ToChild) => void answer(message));
  process.once('disconnect', () => process.exit());
}

function tell(message: Message | Failed): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, () => resolve());
    else resolve();
  });
}
