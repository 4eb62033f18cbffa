import { decodeFrameHeader, frameHeaderBytes, sequenceOf, tagName } from './channel.ts';
import type { Sequence, Tag } from './channel.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { release } from '../../src/shared/release.ts';

/**
 * The frames that have come and nobody has asked for yet. `receive` takes the next one and checks it against
 * what the protocol expects. While sequences are open, it takes the next one of its own sequence. After the
 * first violation, or once the peer has left, every `receive` rejects with that error.
 */
export class Inbox {
  readonly #waiting: Uint8Array[] = [];
  readonly #open = new Map<Sequence, number>();
  /** Those who wait for a frame, and of which sequence. They have looked at all frames that are here. */
  readonly #sleepers = new Map<() => void, Sequence>();
  #failure: Error | undefined;

  /** Takes a whole frame for its own, header included. A frame is ignored once the session has failed. */
  push(frame: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#waiting.push(frame);
    // Nobody else, or a peer could have every frame looked at again with each of its frames.
    this.#wake((own) => this.#isFor(own, frame));
  }

  /** Makes every `receive` reject with `error`, after the frames that came before have been delivered. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** See `SharedChannel`. A sequence may be opened several times, and is open until each is closed. */
  open(sequence: Sequence): () => void {
    const change = (by: number) => this.#open.set(sequence, (this.#open.get(sequence) ?? 0) + by);
    change(1);
    let isOpen = true;
    return () => {
      if (isOpen) change(-1);
      isOpen = false;
      this.#wake();
    };
  }

  /** Whether frames of this sequence may come at any time. */
  isOpen(sequence: Sequence): boolean {
    return (this.#open.get(sequence) ?? 0) > 0;
  }

  /**
   * The payload of the next frame, which must carry this tag, step and part and have `minimum` to `maximum`
   * bytes.
   */
  async receive(
    tag: Tag,
    step: number,
    minimum: number,
    maximum: number,
    part = 0,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const frame = await this.#next(sequenceOf(tag));
    try {
      checkFrame(frame, { tag, step, part }, minimum, maximum);
    } catch (error) {
      this.#waiting.length = 0;
      this.fail(error as ProtocolError);
      throw error;
    }
    // Callers view the payload as words, so it needs a buffer of its own that starts at offset 0.
    const payload = frame.slice(frameHeaderBytes);
    release(frame);
    return payload;
  }

  async #next(own: Sequence): Promise<Uint8Array> {
    for (;;) {
      const at = this.#waiting.findIndex((frame) => this.#isFor(own, frame));
      if (at >= 0) return this.#waiting.splice(at, 1)[0]!;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#sleepers.set(resolve, own));
    }
  }

  /**
   * Whether who waits for this sequence takes the frame, or objects to it. A frame of a sequence that is not
   * open is for nobody. What has been asked before it may open its sequence: so who waits for the next
   * request objects, or anyone where no requests can come.
   */
  #isFor(own: Sequence, frame: Uint8Array): boolean {
    if (frame.byteLength < frameHeaderBytes) return true;
    const sequence = sequenceOf(frame[tagAt]!);
    if (sequence === own) return true;
    return !this.isOpen(sequence) && (own === 'session' || !this.isOpen('session'));
  }

  #wake(whom: (own: Sequence) => boolean = () => true): void {
    for (const [resolve, own] of this.#sleepers) {
      if (!whom(own)) continue;
      this.#sleepers.delete(resolve);
      resolve();
    }
  }
}

const tagAt = 3;

/** Throws ProtocolError unless the frame is what the protocol expects now. */
function checkFrame(frame: Uint8Array, { tag, step, part }: Place, minimum: number, maximum: number): void {
  const header = decodeFrameHeader(frame);
  const payload = frame.byteLength - frameHeaderBytes;
  const fits = header.length === payload && payload >= minimum && payload <= maximum;
  if (header.tag === tag && header.step === step && header.part === part && fits) return;
  const expected = minimum === maximum ? `${minimum} bytes` : `${minimum} to ${maximum} bytes`;
  const inParts = part > 0 || header.part > 0;
  const name = (place: Omit<Place, 'step'>) =>
    tagName(place.tag) + (inParts ? `, part ${place.part + 1},` : '');
  throw new ProtocolError(
    `step ${step}: expected ${name({ tag, part })} of ${expected}, got ${name(header)} ` +
      `of step ${header.step}, ${payload} bytes (header says ${header.length})`,
  );
}

/** What a frame says of itself, beside its length. */
type Place = { readonly tag: number; readonly step: number; readonly part: number };
