import { release } from '../../src/shared/release.ts';
import { frameHeaderBytes } from './channel.ts';
import type { Channel, Tag } from './channel.ts';

/**
 * Messages in parts. A message that grows with a layer comes in frames of at most `partBytes` bytes, all of
 * them full but the last. So a frame is bounded whatever the network, and its reader and its writer hold a
 * part and not the message. The frames follow from the message's length alone.
 */

/** The most bytes of a part. */
export const partBytes: number = 4 * 2 ** 20;

/** The frames of a message of so many bytes: an empty one has one too. */
export function partCount(length: number, most: number = partBytes): number {
  return Math.max(1, Math.ceil(length / most));
}

/** The bytes of its frames, headers included. */
export function framedBytes(length: number): number {
  return partCount(length) * frameHeaderBytes + length;
}

/** The bytes of each part. */
export function partLengths(length: number, most: number = partBytes): number[] {
  return Array.from({ length: partCount(length, most) }, (_, part) => Math.min(most, length - part * most));
}

/** Which message of the protocol, of how many bytes, in parts of at most how many (default: `partBytes`). */
export type Message = {
  readonly tag: Tag;
  readonly step: number;
  readonly length: number;
  readonly most?: number;
};

/**
 * Sends a message as it is made. Whoever writes must write its bytes, no more and no less; of a message of no
 * bytes nothing is sent.
 */
export class PartWriter {
  readonly #channel: Channel;
  readonly #message: Message;
  readonly #lengths: readonly number[];
  #part = 0;
  #buffer: Uint8Array | undefined;
  #filled = 0;

  constructor(channel: Channel, message: Message) {
    this.#channel = channel;
    this.#message = message;
    this.#lengths = partLengths(message.length, message.most);
  }

  /** Resolves when the parts that are full have been handed on. Nobody may use the bytes afterwards. */
  async write(bytes: Uint8Array): Promise<void> {
    let [at, copied] = [0, 0];
    while (at < bytes.length) {
      const length = this.#lengths[this.#part];
      if (length === undefined) throw new RangeError(`message: more than ${this.#message.length} bytes`);
      const left = bytes.length - at;
      const isWhole = this.#buffer === undefined && left >= length;
      const taken = bytes.subarray(at, at + Math.min(left, length - this.#filled));
      at += taken.length;
      if (isWhole) await this.#send(taken);
      else {
        copied += taken.length;
        await this.#add(taken, length);
      }
    }
    if (copied === bytes.length) release(bytes);
  }

  /** Copies bytes into the part of this length that is being filled, and sends it when it is full. */
  async #add(bytes: Uint8Array, length: number): Promise<void> {
    this.#buffer ??= new Uint8Array(length);
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
    if (this.#filled === length) await this.#send(this.#buffer);
  }

  #send(payload: Uint8Array): Promise<void> {
    const { tag, step } = this.#message;
    this.#buffer = undefined;
    this.#filled = 0;
    return this.#channel.send(tag, step, payload, this.#part++);
  }
}

/**
 * Takes what a `PartWriter` sends, as it comes. A part is checked when it is taken, and given back when it
 * has been read.
 */
export class PartReader {
  readonly #channel: Channel;
  readonly #message: Message;
  readonly #lengths: readonly number[];
  #part = 0;
  #buffer = new Uint8Array();
  #read = 0;

  constructor(channel: Channel, message: Message) {
    this.#channel = channel;
    this.#message = message;
    this.#lengths = partLengths(message.length, message.most);
  }

  /**
   * The next `count` bytes, in a buffer of their own. Rejects with ProtocolError when the peer leaves or
   * sends anything else than the next part.
   */
  async read(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const isWhole = count > 0 && this.#lengths[this.#part] === count;
    if (isWhole && this.#read === this.#buffer.length) return this.#next();
    let bytes: Uint8Array<ArrayBuffer> | undefined;
    for (let at = 0; at < count;) {
      if (this.#read === this.#buffer.length) [this.#buffer, this.#read] = [await this.#next(), 0];
      // No memory is taken for what has not begun to come.
      bytes ??= new Uint8Array(count);
      const taken = Math.min(count - at, this.#buffer.length - this.#read);
      bytes.set(this.#buffer.subarray(this.#read, (this.#read += taken)), at);
      at += taken;
      if (this.#read === this.#buffer.length) this.#giveBack();
    }
    return bytes ?? new Uint8Array();
  }

  #next(): Promise<Uint8Array<ArrayBuffer>> {
    const { tag, step, length } = this.#message;
    const part = this.#part++;
    const expected = this.#lengths[part];
    if (expected === undefined) throw new RangeError(`message: more than ${length} bytes are read`);
    return this.#channel.receive(tag, step, expected, part);
  }

  #giveBack(): void {
    release(this.#buffer);
    [this.#buffer, this.#read] = [new Uint8Array(), 0];
  }
}

/** Sends a message that is whole already, an empty one as a frame without payload. */
export function sendParts(
  channel: Channel,
  { tag, step, most }: Omit<Message, 'length'>,
  payload: Uint8Array,
): Promise<void> {
  if (payload.length === 0) return channel.send(tag, step, payload);
  const message = { tag, step, length: payload.length, ...(most !== undefined && { most }) };
  return new PartWriter(channel, message).write(payload);
}

/** Takes what `sendParts` sends and joins the parts. */
export function receiveParts(channel: Channel, message: Message): Promise<Uint8Array<ArrayBuffer>> {
  if (message.length === 0) return channel.receive(message.tag, message.step, 0);
  return new PartReader(channel, message).read(message.length);
}
