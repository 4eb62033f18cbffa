import { decodeFrameHeader, frameHeaderBytes, tagName } from './channel.ts';
import type { Tag } from './channel.ts';
import { ProtocolError } from '../../src/shared/errors.ts';

/**
 * Frames that have come and are not yet asked for. `receive` takes the next one and checks it against what the protocol
 * expects; after the first violation or the peer's leaving every receive rejects with that error.
 */
export class Inbox {
  readonly #waiting: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  #failure: Error | undefined;

  /** A whole frame, header included. Ignored once the session has failed. */
  push(frame: Uint8Array): void {
    if (this.#failure === undefined) this.#waiting.push(frame);
    this.#wake?.();
  }

  /** What has come before is still delivered; then every receive rejects with `error`. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  /** The payload of the next frame, which must carry this tag and step and between `minimum` and `maximum` bytes. */
  async receive(tag: Tag, step: number, minimum: number, maximum: number): Promise<Uint8Array<ArrayBuffer>> {
    const frame = await this.#next();
    try {
      checkFrame(frame, tag, step, minimum, maximum);
    } catch (error) {
      this.#waiting.length = 0;
      this.fail(error as ProtocolError);
      throw error;
    }
    // A copy of its own, at offset 0: callers view it as words.
    return frame.slice(frameHeaderBytes);
  }

  async #next(): Promise<Uint8Array> {
    for (;;) {
      const frame = this.#waiting.shift();
      if (frame !== undefined) return frame;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}

/** Throws ProtocolError unless the frame is what the protocol expects now. */
function checkFrame(frame: Uint8Array, tag: Tag, step: number, minimum: number, maximum: number): void {
  const header = decodeFrameHeader(frame);
  const payload = frame.byteLength - frameHeaderBytes;
  const fits = header.length === payload && payload >= minimum && payload <= maximum;
  if (header.tag === tag && header.step === step && fits) return;
  const expected = minimum === maximum ? `${minimum} bytes` : `${minimum} to ${maximum} bytes`;
  throw new ProtocolError(
    `step ${step}: expected ${tagName(tag)} of ${expected}, got ${tagName(header.tag)} of step ${header.step}, ` +
      `${payload} bytes (header says ${header.length})`,
  );
}
