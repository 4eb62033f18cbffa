import {
  encodeFrameHeader,
  frameHeaderBytes,
  tagName,
  tags,
  decodeFrameHeader,
  sequenceOf,
} from '../../crypto/channel/channel.ts';
import type { Sequence, SharedChannel, Tag, Traffic } from '../../crypto/channel/channel.ts';
import { ConnectionError, ProtocolError, ReluctantError } from '../shared/errors.ts';
import { Inbox } from '../../crypto/channel/inbox.ts';
import { maxText, printable } from './printable.ts';
import type { Socket } from './socket.ts';
import type { Timer } from '../shared/timers.ts';

export type ChannelLimits = {
  /** Seconds after which a party gives up waiting for the next message, or for the peer to take one. */
  readonly idleSeconds: number;
  /**
   * Seconds without a byte from the peer, not even an answer to WebSocket pings, after which it counts as
   * gone; 0 sends no pings. A peer that computes for long still answers, one that vanished does not. While
   * bytes wait because the peer does not read, `idleSeconds` decides.
   */
  readonly silentSeconds: number;
  /** Bytes of frames that have come and nobody has asked for. Reading pauses while there are more. */
  readonly maxUnread: number;
};

export const defaultLimits: ChannelLimits = { idleSeconds: 300, silentSeconds: 30, maxUnread: 64 * 2 ** 20 };

/**
 * The bytes that a waiting frame takes beside its own, about. If they were not counted, a flood of empty
 * frames would be free: 2^22 of them take more than 500 MB in objects before reading pauses.
 */
const frameOverhead = 256;

/** A socket that cannot be held back ends the session when so many times `maxUnread` wait. */
const mostUnreadFactor = 16;

/** Bytes. A sender waits while more than this has not yet been handed to the operating system. */
const maxUnsent = 4 * 2 ** 20;

/**
 * The protocol's frames over a WebSocket, one binary message per frame. The largest message is the socket's
 * `maxPayload`. When a peer leaves, lies or falls silent, every later `receive` rejects with a ProtocolError.
 */
export class WebSocketChannel implements SharedChannel {
  readonly #socket: Socket;
  readonly #limits: ChannelLimits;
  readonly #inbox = new Inbox();
  readonly #traffic: Traffic = { sent: 0, received: 0, framesSent: 0, framesReceived: 0 };
  /** The bytes of the frames that have come and nobody has asked for. */
  #unreadBytes = 0;
  /** When the latest phase ended: only from then on the peer may be late with its next request. */
  #quietSince = 0;
  #closed: Error | undefined;
  /** Settles when the latest frame has been handed to the operating system. */
  #latest: Promise<void> = Promise.resolve();
  /** In place of the limits' `idleSeconds` where it is set. */
  #patience: number | undefined;

  constructor(socket: Socket, limits: Partial<ChannelLimits> = {}) {
    this.#socket = socket;
    this.#limits = { ...defaultLimits, ...limits };
    socket.listen({
      message: (frame) => this.#arrived(frame),
      text: () => this.#ended('it sent text where frames are expected'),
      closed: (reason) => this.#lost(reason),
    });
    if (this.#limits.silentSeconds > 0) socket.watch?.(this.#limits.silentSeconds, () => this.#gone());
  }

  /** Another limit than `idleSeconds` for what is waited for from now on; undefined takes that one again. */
  set patience(seconds: number | undefined) {
    this.#patience = seconds;
  }

  /** Why the connection ended; undefined while it is open. */
  get failure(): Error | undefined {
    return this.#closed;
  }

  get traffic(): Readonly<Traffic> {
    return this.#traffic;
  }

  async send(tag: Tag, step: number, payload: Uint8Array, part?: number): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed;
    const header = encodeFrameHeader(tag, step, payload.byteLength, part);
    this.#traffic.sent += header.byteLength + payload.byteLength;
    this.#traffic.framesSent++;
    const handedOn = this.#socket.send(header, payload).catch((error: Error) => {
      throw this.#closed ?? new ConnectionError(`connection: ${error.message}`);
    });
    this.#latest = handedOn;
    // If sending fails later, `receive` and `flushed` reject.
    handedOn.catch(() => undefined);
    if (this.#socket.buffered <= maxUnsent) return;
    await this.#withPatience(handedOn, `step ${step}: the peer does not take ${tagName(tag)}`);
  }

  /** Resolves when all frames have been handed to the operating system. Rejects when they cannot be. */
  async flushed(): Promise<void> {
    await this.#withPatience(this.#latest, 'the peer does not take what it is sent');
  }

  receive(tag: Tag, step: number, length: number, part?: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#take(tag, step, this.#inbox.receive(tag, step, length, length, part));
  }

  receiveUpTo(tag: Tag, step: number, maxLength: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#take(tag, step, this.#inbox.receive(tag, step, 0, maxLength));
  }

  open(sequence: Sequence): () => void {
    const close = this.#inbox.open(sequence);
    return () => {
      close();
      this.#quietSince = performance.now();
    };
  }

  /** Ends the session. If there is a reason, the peer is told it in one line. */
  close(reason?: Error): void {
    if (this.#closed === undefined && reason !== undefined && this.#socket.isOpen) {
      const text = failureText(reason);
      const header = encodeFrameHeader(tags.failure, 0, text.byteLength);
      this.#socket.send(header, text).catch(() => undefined);
    }
    this.#fail(reason ?? new ProtocolError('the session is closed'));
    this.#socket.reading?.resume();
    this.#socket.close(reason !== undefined);
  }

  async #take(
    tag: Tag,
    step: number,
    frame: Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const complaint = `step ${step}: the peer does not send ${tagName(tag)}`;
    const payload = await this.#withPatience(frame, complaint, sequenceOf(tag) === 'session');
    this.#unreadBytes -= frameHeaderBytes + payload.byteLength + frameOverhead;
    if (this.#unreadBytes <= this.#limits.maxUnread) this.#socket.reading?.resume();
    return payload;
  }

  #arrived(frame: Uint8Array): void {
    this.#traffic.received += frame.byteLength;
    this.#traffic.framesReceived++;
    const failure = readFailure(frame);
    if (failure !== undefined) return this.#ended(failure);
    const size = frame.byteLength + frameOverhead;
    this.#unreadBytes += size;
    if (this.#unreadBytes > this.#limits.maxUnread) this.#holdBack();
    this.#inbox.push(frame);
  }

  #holdBack(): void {
    if (this.#socket.reading !== undefined) return this.#socket.reading.pause();
    if (this.#unreadBytes <= mostUnreadFactor * this.#limits.maxUnread) return;
    this.close(new ProtocolError('the peer sends more than is asked for'));
  }

  #ended(reason: string): void {
    this.#fail(new ProtocolError(`the peer ended the session: ${reason}`));
  }

  #lost(reason: string | undefined): void {
    const text =
      reason === undefined ? 'the peer left in the middle of the session' : `connection: ${reason}`;
    this.#fail(new ConnectionError(text));
  }

  #gone(): void {
    const { silentSeconds } = this.#limits;
    this.#fail(new ConnectionError(`the peer has not answered for ${silentSeconds} s: it is gone`));
    this.#socket.cut();
  }

  #fail(error: Error): void {
    this.#closed ??= error;
    this.#inbox.fail(this.#closed);
  }

  /**
   * Ends the session when `work` takes longer than the idle limit. The time in which phases run does not
   * count for who waits for the next request.
   */
  async #withPatience<T>(work: Promise<T>, complaint: string, isBetweenPhases = false): Promise<T> {
    const idleSeconds = this.#patience ?? this.#limits.idleSeconds;
    const started = performance.now();
    const secondsWaited = () => {
      if (!isBetweenPhases) return idleSeconds;
      if (this.#inbox.isOpen('offline') || this.#inbox.isOpen('online')) return 0;
      return (performance.now() - Math.max(started, this.#quietSince)) / 1000;
    };
    const wait = (seconds: number): Timer =>
      setTimeout(() => {
        const left = idleSeconds - secondsWaited();
        if (left > timerSlack) timer = wait(left);
        else this.close(new ProtocolError(`${complaint}; waited ${idleSeconds} s`));
      }, seconds * 1000);
    let timer = wait(idleSeconds);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Seconds by which a timer may be early. */
const timerSlack = 0.01;

/** The size of the WebSocket message that carries a payload of this size, bytes. */
export function messageLimit(payloadBytes: number): number {
  return frameHeaderBytes + payloadBytes;
}

/**
 * What the peer is told about an error: one line of printable ASCII. The text of an error that is not ours
 * stays on this side.
 */
export function failureText(error: Error): Uint8Array<ArrayBuffer> {
  const text = error instanceof ReluctantError ? error.message : 'internal error';
  return new TextEncoder().encode(printable(text));
}

/** The text of a failure frame, made safe to print. Undefined for any other frame. */
export function readFailure(frame: Uint8Array): string | undefined {
  if (frame.byteLength < frameHeaderBytes || frame[3] !== tags.failure) return undefined;
  try {
    decodeFrameHeader(frame);
  } catch {
    return undefined;
  }
  const text = new TextDecoder().decode(frame.subarray(frameHeaderBytes, frameHeaderBytes + maxText));
  return printable(text) || 'it gave no reason';
}
