import { Duplex } from 'node:stream';
import type { NetworkProfile } from '../../pipelines/cost/profiles.ts';
import { connect, isIP } from 'node:net';
import type { TcpNetConnectOpts } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { isUnshaped } from '../../pipelines/cost/profiles.ts';

/**
 * Milliseconds of the link's rate that a sender may have handed on and not yet sent, like the buffer of a
 * socket, and that a receiver may read ahead.
 */
const bufferMs = 10;

/**
 * What comes in one go is sent in pieces of this many bytes, half of a part of an activation layer: the other
 * end works on the first while the last are under way.
 */
const pieceBytes = 2 ** 14;

/**
 * Milliseconds. Somebody waits for the last bytes of what is under way, so those of so long are handed on
 * exactly in time; with more behind them a millisecond costs nothing.
 */
const exactMs = 2;

/**
 * One direction of a link: bytes leave one after the other at the link's rate (a token bucket that holds no
 * burst) and arrive after its delay. Times are in milliseconds.
 */
export class ThrottledLink {
  readonly #msPerByte: number;
  readonly #delay: number;
  /** The time at which the last accepted byte has left. */
  #free = -Infinity;

  constructor({ bitsPerSecond, roundTripSeconds }: NetworkProfile) {
    this.#msPerByte = 8e3 / bitsPerSecond;
    this.#delay = 500 * roundTripSeconds;
  }

  /** Accepts bytes at time `now` and returns the time at which the last of them arrives. */
  accept(bytes: number, now: number): number {
    this.#free = Math.max(this.#free, now) + bytes * this.#msPerByte;
    return this.#free + this.#delay;
  }

  /** The time from which there is room for more. */
  get roomAt(): number {
    return this.#free - bufferMs;
  }
}

/** Hands chunks on, in order, once a link has carried them. */
class Carrier {
  readonly #link: ThrottledLink;
  readonly #clock: Clock;
  readonly #deliver: (chunk: Buffer) => void;
  readonly #waiting: { readonly chunk: Buffer; readonly due: number }[] = [];
  #armed = false;
  readonly #whenEmpty: (() => void)[] = [];

  constructor(profile: NetworkProfile, clock: Clock, deliver: (chunk: Buffer) => void) {
    this.#link = new ThrottledLink(profile);
    this.#clock = clock;
    this.#deliver = deliver;
  }

  /** Takes a chunk, and calls `more` when the next one may come. */
  carry(chunk: Buffer, more: () => void): void {
    const now = this.#clock.now();
    for (let from = 0; from < chunk.byteLength; from += pieceBytes) {
      const piece = chunk.subarray(from, from + pieceBytes);
      this.#waiting.push({ chunk: piece, due: this.#link.accept(piece.byteLength, now) });
    }
    this.#arm();
    if (this.#link.roomAt <= now) more();
    else this.#clock.at(this.#link.roomAt, more, 'about');
  }

  /** Calls back once the last chunk has been handed on. */
  whenEmpty(callback: () => void): void {
    if (this.#waiting.length === 0) callback();
    else this.#whenEmpty.push(callback);
  }

  /** Sets the clock for the first waiting piece. */
  #arm(): void {
    const head = this.#waiting[0];
    if (this.#armed || head === undefined) return;
    this.#armed = true;
    const isLast = this.#waiting.at(-1)!.due - head.due < exactMs;
    this.#clock.at(head.due, () => this.#due(), isLast ? 'exactly' : 'about');
  }

  #due(): void {
    this.#armed = false;
    const now = this.#clock.now();
    while (this.#waiting.length > 0 && this.#waiting[0]!.due <= now)
      this.#deliver(this.#waiting.shift()!.chunk);
    this.#arm();
    if (this.#waiting.length === 0) this.#whenEmpty.splice(0).forEach((callback) => callback());
  }
}

/** A stream with the methods of a socket that HTTP clients and WebSockets call. */
type SocketLike = Duplex & {
  setTimeout?(ms: number, callback?: () => void): unknown;
  setNoDelay?(noDelay?: boolean): unknown;
  setKeepAlive?(enable?: boolean, initialDelay?: number): unknown;
};

/**
 * A socket that is as slow as a network, both ways. What is written goes on to `socket` when the network
 * would have brought it there, and what `socket` brings is read when the network would have brought it here.
 * Writing and reading block as with a real network. Lost packets, TCP's slow start and packet headers are not
 * modelled.
 */
export class ThrottledSocket extends Duplex {
  readonly #socket: SocketLike;
  readonly #up: Carrier;
  readonly #down: Carrier;
  #bytesRead = 0;

  constructor(socket: SocketLike, profile: NetworkProfile, clock: Clock = systemClock) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#up = new Carrier(profile, clock, (chunk) => socket.writable && socket.write(chunk));
    this.#down = new Carrier(profile, clock, (chunk) => this.#arrived(chunk));
    socket.on('data', (chunk: Buffer) => {
      socket.pause();
      this.#down.carry(chunk, () => socket.resume());
    });
    socket.on('end', () => this.#down.whenEmpty(() => this.push(null)));
    socket.on('error', (error) => this.destroy(error));
    socket.on('timeout', () => this.emit('timeout'));
    socket.on('close', () => this.#down.whenEmpty(() => this.destroy()));
  }

  /** The bytes that have come over the network. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#up.carry(chunk, callback);
  }

  override _final(callback: () => void): void {
    this.#up.whenEmpty(() => {
      this.#socket.end();
      callback();
    });
  }

  /** Nothing to do: `#arrived` pushes whatever comes, and the carrier bounds how much that is. */
  override _read(): void {}

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }

  setTimeout(ms: number, callback?: () => void): this {
    this.#socket.setTimeout?.(ms, callback);
    return this;
  }

  setNoDelay(noDelay?: boolean): this {
    this.#socket.setNoDelay?.(noDelay);
    return this;
  }

  setKeepAlive(enable?: boolean, initialDelay?: number): this {
    this.#socket.setKeepAlive?.(enable, initialDelay);
    return this;
  }

  #arrived(chunk: Buffer): void {
    this.#bytesRead += chunk.byteLength;
    if (!this.destroyed) this.push(chunk);
  }
}

/** A clock that calls back. Times are in milliseconds. */
export type Clock = {
  now(): number;
  /**
   * Calls `callback` at `time` or later: 'exactly' means as soon as the event loop can, 'about' means up to a
   * millisecond late.
   */
  at(time: number, callback: () => void, precision: 'exactly' | 'about'): void;
};

/**
 * Node's timers count whole milliseconds and are up to one millisecond late, so the last two milliseconds
 * before an exact time are spent in the event loop.
 */
const timerError = 2;

export const systemClock: Clock = {
  now: () => performance.now(),
  at: (time, callback, precision) => {
    const wait = time - performance.now();
    if (precision === 'about') setTimeout(callback, Math.max(0, Math.ceil(wait)));
    else if (wait > timerError)
      setTimeout(() => systemClock.at(time, callback, precision), wait - timerError);
    else if (wait > 0) setImmediate(() => systemClock.at(time, callback, precision));
    else callback();
  },
};

type Options = TcpNetConnectOpts & ConnectionOptions;

/**
 * A `createConnection` for WebSocket clients whose connections are as slow as a network, also under TLS.
 * Undefined when the network has no limits.
 */
export function slowedConnection(profile: NetworkProfile, secure: boolean): typeof connect | undefined {
  if (isUnshaped(profile)) return undefined;
  const open = (options: Options): Duplex => {
    const { host = 'localhost', port } = options;
    const slow = new ThrottledSocket(connect({ host, port, noDelay: true }), profile);
    const servername = isIP(host) === 0 ? host : '';
    return secure ? connectTls({ servername, ...options, path: undefined, socket: slow }) : slow;
  };
  // Node's HTTP client takes any stream, but the types that `ws` declares for it do not.
  return open as typeof connect;
}
