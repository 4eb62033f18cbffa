import { encodeFrameHeader, frameHeaderBytes } from './channel.ts';
import type { Sequence, SharedChannel, Tag, Traffic } from './channel.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { Inbox } from './inbox.ts';

/** The two ends of a pipe inside one process, with the framing and the checks of a network channel. */
export function memoryChannels(): [MemoryChannel, MemoryChannel] {
  const a = new MemoryChannel();
  const b = new MemoryChannel();
  a.connect(b);
  b.connect(a);
  return [a, b];
}

export class MemoryChannel implements SharedChannel {
  readonly #inbox = new Inbox();
  readonly #traffic: Traffic = { sent: 0, received: 0, framesSent: 0, framesReceived: 0 };
  #peer: MemoryChannel | undefined;

  connect(peer: MemoryChannel): void {
    this.#peer = peer;
  }

  get traffic(): Readonly<Traffic> {
    return this.#traffic;
  }

  send(tag: Tag, step: number, payload: Uint8Array, part?: number): Promise<void> {
    const frame = new Uint8Array(frameHeaderBytes + payload.byteLength);
    frame.set(encodeFrameHeader(tag, step, payload.byteLength, part));
    frame.set(payload, frameHeaderBytes);
    this.#traffic.sent += frame.byteLength;
    this.#traffic.framesSent++;
    this.#peer?.deliver(frame);
    return Promise.resolve();
  }

  /** Takes a frame as the peer put it on the wire. */
  deliver(frame: Uint8Array): void {
    this.#traffic.received += frame.byteLength;
    this.#traffic.framesReceived++;
    this.#inbox.push(frame);
  }

  receive(tag: Tag, step: number, length: number, part?: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#inbox.receive(tag, step, length, length, part);
  }

  receiveUpTo(tag: Tag, step: number, maxLength: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#inbox.receive(tag, step, 0, maxLength);
  }

  open(sequence: Sequence): () => void {
    return this.#inbox.open(sequence);
  }

  close(reason?: Error): void {
    this.#inbox.fail(reason ?? new ProtocolError('the session was closed'));
    this.#peer?.peerLeft();
  }

  peerLeft(): void {
    this.#inbox.fail(new ProtocolError('the peer left in the middle of the session'));
  }
}
