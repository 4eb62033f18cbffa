import { WebSocket } from 'ws';
import type { RawData } from 'ws';
import {
  encodeFrameHeader,
  frameHeaderBytes,
  tagName,
  tags,
  decodeFrameHeader,
} from '../../crypto/channel/channel.ts';
import type { Channel, Tag, Traffic } from '../../crypto/channel/channel.ts';
import { ConnectionError, ProtocolError, ReluctantError } from '../shared/errors.ts';
import { Inbox } from '../../crypto/channel/inbox.ts';
import { maxText, printable } from './printable.ts';

export type ChannelLimits = {
  /** Seconds after which a party gives up waiting for the next message, or for the peer to take one. */
  readonly idleSeconds: number;
  /**
   * Seconds between two WebSocket pings to the peer; 0 sends none. A peer that has not answered a ping when
   * the next one is due counts as gone. A peer that computes for long still answers, one that vanished does
   * not.
   */
  readonly pingSeconds: number;
  /** Bytes of frames that have come and nobody has asked for. Reading pauses while there are more. */
  readonly maxUnread: number;
};

export const defaultLimits: ChannelLimits = { idleSeconds: 300, pingSeconds: 20, maxUnread: 64 * 2 ** 20 };

/**
 * The bytes that a waiting frame takes beside its own, about. If they were not counted, a flood of empty
 * frames would be free: 2^22 of them take more than 500 MB in objects before reading pauses.
 */
const frameOverhead = 256;

/** Bytes. A sender waits while more than this has not yet been handed to the operating system. */
const maxUnsent = 4 * 2 ** 20;

/**
 * The protocol's frames over a WebSocket, one binary message per frame. The largest message is the socket's
 * `maxPayload`. When a peer leaves, lies or falls silent, every later `receive` rejects with a ProtocolError.
 */
export class WebSocketChannel implements Channel {
  readonly #socket: WebSocket;
  readonly #limits: ChannelLimits;
  readonly #inbox = new Inbox();
  readonly #traffic: Traffic = { sent: 0, received: 0, framesSent: 0, framesReceived: 0 };
  /** The bytes of each frame that has come and nobody has asked for, oldest first. */
  readonly #unread: number[] = [];
  #unreadBytes = 0;
  #closed: Error | undefined;
  /** In place of the limits' `idleSeconds` where it is set. */
  #patience: number | undefined;
  #pings: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, limits: Partial<ChannelLimits> = {}) {
    this.#socket = socket;
    this.#limits = { ...defaultLimits, ...limits };
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data, isBinary) => this.#arrived(data, isBinary));
    socket.on('error', (error) => this.#fail(new ConnectionError(`connection: ${error.message}`)));
    socket.on('close', () => this.#fail(new ConnectionError('the peer left in the middle of the session')));
    this.#watch();
  }

  /** Another limit than `idleSeconds` for what is waited for from now on; undefined takes that one again. */
  set patience(seconds: number | undefined) {
    this.#patience = seconds;
  }

  get traffic(): Readonly<Traffic> {
    return this.#traffic;
  }

  async send(tag: Tag, step: number, payload: Uint8Array): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed;
    const header = encodeFrameHeader(tag, step, payload.byteLength);
    this.#traffic.sent += header.byteLength + payload.byteLength;
    this.#traffic.framesSent++;
    // The frame is one message in two fragments, so that the payload is not copied.
    this.#socket.send(header, { binary: true, fin: false });
    const handedOn = new Promise<void>((resolve, reject) => {
      this.#socket.send(payload, { binary: true, fin: true }, (error) => {
        if (error === undefined || error === null) resolve();
        else reject(this.#closed ?? new ConnectionError(`connection: ${error.message}`));
      });
    });
    if (this.#socket.bufferedAmount <= maxUnsent) {
      // If sending fails later, `receive` rejects.
      handedOn.catch(() => undefined);
      return;
    }
    await this.#withPatience(handedOn, `step ${step}: the peer does not take ${tagName(tag)}`);
  }

  receive(tag: Tag, step: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#take(tag, step, this.#inbox.receive(tag, step, length, length));
  }

  receiveUpTo(tag: Tag, step: number, maxLength: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#take(tag, step, this.#inbox.receive(tag, step, 0, maxLength));
  }

  /** Ends the session. If there is a reason, the peer is told it in one line. */
  close(reason?: Error): void {
    if (this.#closed === undefined && reason !== undefined && this.#socket.readyState === WebSocket.OPEN) {
      const text = failureText(reason);
      this.#socket.send(encodeFrameHeader(tags.failure, 0, text.byteLength), { binary: true, fin: false });
      this.#socket.send(text, { binary: true, fin: true });
    }
    this.#fail(reason ?? new ProtocolError('the session is closed'));
    this.#socket.resume();
    this.#socket.close(reason === undefined ? 1000 : 1011);
    // Cut off a peer that does not answer the closing handshake.
    setTimeout(() => this.#socket.terminate(), 2000).unref();
  }

  async #take(
    tag: Tag,
    step: number,
    frame: Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const payload = await this.#withPatience(frame, `step ${step}: the peer does not send ${tagName(tag)}`);
    this.#unreadBytes -= this.#unread.shift() ?? 0;
    if (this.#unreadBytes <= this.#limits.maxUnread) this.#socket.resume();
    return payload;
  }

  #arrived(data: RawData, isBinary: boolean): void {
    const { buffer, byteOffset, byteLength } = data as Buffer;
    // The inbox cuts the payload out with `slice`. A Buffer would answer with a view of its pool, a
    // Uint8Array answers with a copy.
    const frame = new Uint8Array(buffer, byteOffset, byteLength);
    this.#traffic.received += frame.byteLength;
    this.#traffic.framesReceived++;
    const failure = isBinary ? readFailure(frame) : 'it sent text where frames are expected';
    if (failure !== undefined) {
      this.#fail(new ProtocolError(`the peer ended the session: ${failure}`));
      return;
    }
    const size = frame.byteLength + frameOverhead;
    this.#unread.push(size);
    this.#unreadBytes += size;
    if (this.#unreadBytes > this.#limits.maxUnread) this.#socket.pause();
    this.#inbox.push(frame);
  }

  /** Sees that a peer vanished without closing its connection: a cable pulled, a machine asleep. */
  #watch(): void {
    const { pingSeconds } = this.#limits;
    if (pingSeconds === 0) return;
    let heard = true;
    // Frames tell as much as an answer does, which may wait behind them.
    for (const sign of ['pong', 'message', 'ping'] as const) this.#socket.on(sign, () => (heard = true));
    this.#pings = setInterval(() => {
      if (this.#socket.readyState !== WebSocket.OPEN) return;
      if (!heard && !this.#socket.isPaused) {
        this.#fail(new ConnectionError(`the peer has not answered for ${pingSeconds} s: it is gone`));
        this.#socket.terminate();
        return;
      }
      heard = false;
      this.#socket.ping();
    }, pingSeconds * 1000).unref();
  }

  #fail(error: Error): void {
    clearInterval(this.#pings);
    this.#closed ??= error;
    this.#inbox.fail(this.#closed);
  }

  /** Ends the session when `work` takes longer than the idle limit. */
  async #withPatience<T>(work: Promise<T>, complaint: string): Promise<T> {
    const idleSeconds = this.#patience ?? this.#limits.idleSeconds;
    const timer = setTimeout(() => {
      this.close(new ProtocolError(`${complaint}; waited ${idleSeconds} s`));
    }, idleSeconds * 1000);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }
}

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
