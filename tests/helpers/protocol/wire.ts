import { createHash } from 'node:crypto';
import { tagName } from '../../../crypto/channel/channel.ts';
import type { Channel } from '../../../crypto/channel/channel.ts';

/**
 * A channel that writes a row for each frame it sends: who sends it, step, tag, bytes, and the start of the
 * payload's SHA-256.
 */
export function recording(channel: Channel, who: string, rows: string[]): Channel {
  return {
    send(tag, step, payload, part) {
      rows.push(frameRow(who, step, tagName(tag), payload));
      return channel.send(tag, step, payload, part);
    },
    receive: (tag, step, length, part) => channel.receive(tag, step, length, part),
    receiveUpTo: (tag, step, maxLength) => channel.receiveUpTo(tag, step, maxLength),
    get traffic() {
      return channel.traffic;
    },
    close: (reason) => channel.close(reason),
  };
}

export function frameRow(who: string, step: number, name: string, payload: Uint8Array): string {
  const hash = createHash('sha256').update(payload).digest('hex').slice(0, 32);
  return `${who.padEnd(7)} ${step} ${name.padEnd(12)} ${String(payload.byteLength).padStart(7)} ${hash}`;
}
