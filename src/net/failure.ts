import { decodeFrameHeader, frameHeaderBytes, tags } from '../../crypto/channel/channel.ts';
import { ReluctantError } from '../shared/errors.ts';

/** Characters of a failure's text that are sent and shown. */
const maxText = 300;

/** What the peer is told of an error: one line of printable ASCII. An error that is not ours stays here. */
export function failureText(error: Error): Uint8Array<ArrayBuffer> {
  const text = error instanceof ReluctantError ? error.message : 'internal error';
  return new TextEncoder().encode(printable(text));
}

/** The text of a failure frame, undefined for any other frame. What a peer wrote is made safe to print. */
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

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, maxText);
}
