import { frameHeaderBytes } from './channel.ts';
import type { Channel, Tag, Traffic } from './channel.ts';

/**
 * A view of a channel that counts what goes through it. A received frame is counted when it is taken, not
 * when it comes: the peer may be ahead, and the frames of its next step do not belong to this one.
 */
export class MeteredChannel implements Channel {
  readonly traffic: Traffic = { sent: 0, received: 0, framesSent: 0, framesReceived: 0 };
  protected readonly channel: Channel;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  send(tag: Tag, step: number, payload: Uint8Array, part?: number): Promise<void> {
    this.traffic.sent += frameHeaderBytes + payload.byteLength;
    this.traffic.framesSent++;
    return this.channel.send(tag, step, payload, part);
  }

  async receive(tag: Tag, step: number, length: number, part?: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#count(await this.channel.receive(tag, step, length, part));
  }

  async receiveUpTo(tag: Tag, step: number, maxLength: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#count(await this.channel.receiveUpTo(tag, step, maxLength));
  }

  close(reason?: Error): void {
    this.channel.close(reason);
  }

  #count(payload: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.traffic.received += frameHeaderBytes + payload.byteLength;
    this.traffic.framesReceived++;
    return payload;
  }
}
