import type { TransferMode } from '../../pipelines/inference/layer-transfers.ts';
import type { InferenceResult, Session } from '../asking/session.ts';
import * as errors from '../shared/errors.ts';
import type { ThreadRequest } from './page-threads.ts';

/** The calls of a page to the worker that holds its session, and the answers. */
export type OpenOptions = {
  readonly url: string;
  readonly threads: number;
  readonly ahead: number;
  readonly retrySeconds: number;
  readonly planHash?: string;
  readonly model?: string;
  readonly token?: string;
  readonly transfers?: TransferMode;
  readonly idleSeconds?: number;
};

export type Opened = Pick<Session, 'plan' | 'limits' | 'inputShape'> & {
  /** The bytes that the plan's phases send and receive, predicted. */
  readonly predicted: { readonly offline: number; readonly online: number };
};

/** An answer, with what the server was sent for it. */
export type PageAnswer = InferenceResult & {
  /** The masked image: a little-endian 32-bit word for each value, uniform whatever the image is. */
  readonly sent: Uint8Array;
};

export type Calls = {
  open: { readonly input: OpenOptions; readonly output: Opened };
  prepare: { readonly input: undefined; readonly output: undefined };
  infer: { readonly input: Float32Array<ArrayBuffer>; readonly output: PageAnswer };
  /** Tells each answer as a part as soon as it is there. */
  inferAll: {
    readonly input: readonly Float32Array[];
    readonly output: InferenceResult[];
  };
  close: { readonly input: undefined; readonly output: undefined };
};

export type Call = {
  [K in keyof Calls]: { readonly id: number; readonly call: K; readonly input: Calls[K]['input'] };
}[keyof Calls];

export type Reply =
  | ThreadRequest
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly error: SentError }
  /** An answer of a call that gives several. */
  | { readonly id: number; readonly index: number; readonly part: InferenceResult }
  /** The bytes of the session until now, both ways. */
  | { readonly traffic: number };

/** An error as it crosses between threads, where it would lose its class. */
export type SentError = { readonly name: string; readonly message: string; readonly retryAfter?: number };

export function sentError(thrown: unknown): SentError {
  const { name, message } = errors.asError(thrown);
  const retryAfter = thrown instanceof errors.RefusedError ? thrown.retryAfter : undefined;
  return { name, message, ...(retryAfter !== undefined && { retryAfter }) };
}

export function receivedError({ name, message, retryAfter }: SentError): Error {
  if (name === 'RefusedError') return new errors.RefusedError(message, retryAfter);
  if (name === 'ConnectionError') return new errors.ConnectionError(message);
  if (name === 'ProtocolError') return new errors.ProtocolError(message);
  if (name === 'UsageError') return new errors.UsageError(message);
  return new Error(message);
}
