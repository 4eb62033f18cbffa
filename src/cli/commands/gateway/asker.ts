import type { InferenceResult, Session } from '../../../client.ts';
import { ConnectionError, ProtocolError, RefusedError } from '../../../shared/errors.ts';

/** Calls that may wait for the ones before them. */
const mostWaiting = 64;

/**
 * One session for many callers: their calls wait for each other, and a session that ended is opened anew. A
 * call whose connection broke is made once more, with another prepared inference.
 */
export class Asker {
  readonly #open: () => Promise<Session>;
  #session: Promise<Session> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(open: () => Promise<Session>) {
    this.#open = open;
  }

  /** The session; another one if it has ended. */
  session(): Promise<Session> {
    this.#session ??= this.#open().catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
    return this.#session;
  }

  /** `pixelsFor` makes the image for the session's model. Rejects with RefusedError when too many wait. */
  async infer(pixelsFor: (session: Session) => Promise<Float32Array>): Promise<Answer> {
    if (this.#waiting >= mostWaiting) throw new RefusedError(`${mostWaiting} pictures wait already`, 1);
    this.#waiting++;
    const before = this.#last;
    const answer = before.then(() => this.#twice(pixelsFor));
    this.#last = answer.catch(() => undefined);
    try {
      return await answer;
    } finally {
      this.#waiting--;
    }
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    await session?.close();
  }

  async #twice(pixelsFor: (session: Session) => Promise<Float32Array>): Promise<Answer> {
    try {
      return await this.#once(pixelsFor);
    } catch (error) {
      if (!(error instanceof ProtocolError) || error instanceof RefusedError) throw error;
      return this.#once(pixelsFor);
    }
  }

  async #once(pixelsFor: (session: Session) => Promise<Float32Array>): Promise<Answer> {
    const session = await this.session();
    try {
      return { session, result: await session.infer(await pixelsFor(session)) };
    } catch (error) {
      const isOver = error instanceof ProtocolError && !(error instanceof RefusedError);
      if (isOver && !(error instanceof ConnectionError)) {
        this.#session = undefined;
        await session.close();
      }
      throw error;
    }
  }
}

export type Answer = { readonly session: Session; readonly result: InferenceResult };
