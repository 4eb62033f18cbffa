import { frameHeaderBytes } from '../../crypto/channel/channel.ts';

/** The bytes of frames with payloads of these sizes. */
export function frames(...payloads: readonly number[]): number {
  return payloads.reduce((sum, payload) => sum + frameHeaderBytes + payload, 0);
}
