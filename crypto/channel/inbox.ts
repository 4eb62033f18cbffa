import { decodeFrameHeader, frameHeaderBytes, tagName } from './channel.ts';
import type { Tag } from './channel.ts';
import { ProtocolError } from '../../src/shared/errors.ts';

/**
 * The frames that have come and nobody has asked for yet. `receive` takes the next one and checks it against
 * what the protocol expects. After the first violation, or once the peer has left, every `receive` rejects
 * with that error.
 */
export class Inbox {
  readonly #waiting: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  #failure: Error | undefined;

  /** Takes a whole frame, header included. A frame is ignored once the session has failed. */
  push(frame: Uint8Array): void {
    if (this.#failure === undefined) this.#waiting.push(frame);
    this.#wake?.();
  }

  /** Makes every `receive` reject with `error`, after the frames that came before have been delivered. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  /**
   * The payload of the next frame, which must carry this tag and step and have `minimum` to `maximum` bytes.
   */
  async receive(tag: Tag, step: number, minimum: number, maximum: number): Promise<Uint8Array<ArrayBuffer>> {
    const frame = await this.#next();
    try {
      checkFrame(frame, tag, step, minimum, maximum);
    } catch (error) {
      this.#waiting.length = 0;
      this.fail(error as ProtocolError);
      throw error;
    }
    // Callers view the payload as words, so it needs a buffer of its own that starts at offset 0.
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
    `step ${step}: expected ${tagName(tag)} of ${expected}, got ${tagName(header.tag)} ` +
      `of step ${header.step}, ${payload} bytes (header says ${header.length})`,
  );
}
