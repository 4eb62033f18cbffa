import type { WebWorker } from '../../crypto/worker/web-pool.ts';
import type { Shape } from '../../models/tensor.ts';
import type { TransferMode } from '../../pipelines/inference/layer-transfers.ts';
import type { Plan } from '../../pipelines/plan/plan.ts';
import type { BatchOptions, InferenceResult, Session } from '../asking/session.ts';
import type { Limits } from '../net/messages.ts';
import { ProtocolError, UsageError } from '../shared/errors.ts';
import { receivedError } from './calls.ts';
import type { Calls, Opened, PageAnswer, Reply } from './calls.ts';
import { pageThreads } from './page-threads.ts';

export { ConnectionError, ProtocolError, RefusedError, UsageError } from '../shared/errors.ts';
export { preprocess } from '../../models/preprocessing.ts';
export type { Preprocessing } from '../../models/preprocessing.ts';
export { classText } from '../../pipelines/plan/classes.ts';
export type { InferenceResult, Limits, PageAnswer, Plan, Session, Shape, TransferMode };

declare const Worker: new (url: URL, options: { readonly type: 'module' }) => WebWorker;

/** A session of a page. */
export type PageSession = Omit<Session, 'infer' | 'inferAll'> & {
  /** As `infer` of a session in Node. */
  infer(image: Float32Array): Promise<PageAnswer>;
  /** As `inferAll` of a session in Node. */
  inferAll(
    images: readonly Float32Array[],
    options?: Pick<BatchOptions, 'onAnswer'>,
  ): Promise<InferenceResult[]>;
};

/** What a session does now, and which part of its bytes has crossed the wire, from 0 to 1. */
export type Progress = { readonly phase: 'opening' | 'preparing' | 'answering'; readonly part: number };

export type ConnectOptions = {
  /** The hash of the only plan that is run, 64 hex digits (default: any plan). */
  readonly planHash?: string;
  /** The name of a model of the server (default: the one of `planHash`, else the server's first). */
  readonly model?: string;
  /** The token that a server with tokens asks for. */
  readonly token?: string;
  /**
   * What transfers come from: 'silent' ones, which send least and rest on learning parity with noise,
   * 'softspoken' ones, or 'auto', silent ones where an inference needs many (default: auto).
   */
  readonly transfers?: TransferMode;
  /** Inferences that are kept prepared in the background, as far as the server allows (default: 0). */
  readonly ahead?: number;
  /** Workers for encryption (default: one per core, at most 8). */
  readonly threads?: number;
  /** Seconds after which the session gives up on a silent server (default: 300). */
  readonly idleSeconds?: number;
  /** Seconds for which a call tries again while the server refuses or cannot be reached (default: 0). */
  readonly retrySeconds?: number;
  readonly onProgress?: (progress: Progress) => void;
};

/**
 * Opens a session with a server at a ws:// or wss:// address, in a worker, so that the page stays free. The
 * page must be cross-origin isolated: its workers share memory. Rejects as the client for Node does.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<PageSession> {
  if (!/^wss?:\/\//.test(url)) throw new UsageError(`server: expected a ws:// or wss:// address, got ${url}`);
  if (!(globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated) {
    throw new UsageError(
      'this page is not cross-origin isolated: serve it over https:// or from localhost, with the headers ' +
        'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp',
    );
  }
  const { onProgress, threads = Math.min(navigator.hardwareConcurrency, 8), ...rest } = options;
  const remote = new RemoteSession(onProgress);
  return remote.open({ url, threads, ahead: 0, retrySeconds: 0, ...rest });
}

type Waiting = {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onPart: BatchOptions['onAnswer'];
};

/** A session in a worker. */
class RemoteSession implements PageSession {
  readonly #worker: WebWorker;
  readonly #threads: ReturnType<typeof pageThreads>;
  readonly #onProgress: ConnectOptions['onProgress'];
  readonly #waiting = new Map<number, Waiting>();
  #opened: Opened | undefined;
  /** Why no call is answered any more. */
  #over: Error | undefined;
  #closing: Promise<void> | undefined;
  #phase: Progress['phase'] | undefined;
  #calls = 0;
  #traffic = 0;
  /** The bytes before the phase began, and those that it takes. */
  #phaseBytes = { before: 0, predicted: Infinity };

  constructor(onProgress: ConnectOptions['onProgress']) {
    this.#onProgress = onProgress;
    this.#worker = new Worker(new URL('./session.js', import.meta.url), { type: 'module' });
    this.#threads = pageThreads(this.#worker);
    this.#worker.onmessage = ({ data }) => this.#heard(data as Reply);
    this.#worker.onerror = ({ message }) => this.#end(new Error(message ?? 'the worker failed'));
  }

  async open(options: Calls['open']['input']): Promise<this> {
    try {
      this.#opened = await this.#during('opening', Infinity, () => this.#call('open', options));
      return this;
    } catch (error) {
      this.#end(error as Error);
      throw error;
    }
  }

  get plan(): Plan {
    return this.#opened!.plan;
  }

  get limits(): Limits {
    return this.#opened!.limits;
  }

  get inputShape(): Shape {
    return this.#opened!.inputShape;
  }

  async prepare(): Promise<void> {
    const bytes = this.#opened!.predicted.offline;
    await this.#during('preparing', bytes, () => this.#call('prepare', undefined));
  }

  infer(image: Float32Array): Promise<PageAnswer> {
    const bytes = this.#opened!.predicted.online;
    return this.#during('answering', bytes, () => this.#call('infer', new Float32Array(image)));
  }

  inferAll(
    images: readonly Float32Array[],
    { onAnswer }: Pick<BatchOptions, 'onAnswer'> = {},
  ): Promise<InferenceResult[]> {
    const { offline, online } = this.#opened!.predicted;
    return this.#during('answering', images.length * (offline + online), () =>
      this.#call('inferAll', images, onAnswer),
    );
  }

  close(): Promise<void> {
    const over = new ProtocolError('the session is closed');
    return (this.#closing ??= this.#call('close', undefined).then(() => this.#end(over)));
  }

  /** Calls that wait, and later ones, reject: nobody answers them. */
  #end(over: Error): void {
    this.#over = over;
    this.#worker.terminate();
    this.#threads.endAll();
    for (const { reject } of this.#waiting.values()) reject(over);
  }

  #call<K extends keyof Calls>(
    call: K,
    input: Calls[K]['input'],
    onPart?: BatchOptions['onAnswer'],
  ): Promise<Calls[K]['output']> {
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over);
      this.#waiting.set(id, { resolve: resolve as (output: unknown) => void, reject, onPart });
      this.#worker.postMessage({ id, call, input }, []);
    });
  }

  async #during<T>(phase: Progress['phase'], predicted: number, work: () => Promise<T>): Promise<T> {
    this.#phase = phase;
    this.#phaseBytes = { before: this.#traffic, predicted };
    this.#tell(0);
    try {
      const result = await work();
      this.#tell(1);
      return result;
    } finally {
      this.#phase = undefined;
    }
  }

  #tell(part: number): void {
    if (this.#phase !== undefined) this.#onProgress?.({ phase: this.#phase, part });
  }

  #heard(reply: Reply): void {
    if ('traffic' in reply) {
      this.#traffic = reply.traffic;
      const { before, predicted } = this.#phaseBytes;
      return this.#tell(Math.min((reply.traffic - before) / predicted, 1));
    }
    if (!('id' in reply)) return this.#threads.take(reply);
    const waiting = this.#waiting.get(reply.id);
    if ('part' in reply) return waiting?.onPart?.(reply.part, reply.index);
    this.#waiting.delete(reply.id);
    if ('error' in reply) waiting?.reject(receivedError(reply.error));
    else waiting?.resolve(reply.output);
  }
}
