import type { PageAnswer, PageSession, Progress } from '../../browser/client.ts';
import type { AboutModel } from '../about.ts';

/** What the page is told while a network is asked. */
export type Listener = (model: AboutModel, progress: Progress) => void;

/** Seconds for which a question waits for a server that is full or away. */
const retrySeconds = 5;

/** A network of the server, with a session of which one inference is kept prepared. */
export class Asked {
  readonly model: AboutModel;
  readonly session: PageSession;
  #prepared: Promise<void> | undefined;

  private constructor(model: AboutModel, session: PageSession) {
    this.model = model;
    this.session = session;
  }

  static async open(model: AboutModel, token: string | undefined, listener: Listener): Promise<Asked> {
    const { connect } = await import('../../browser/client.ts');
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}`;
    const session = await connect(url, {
      ...{ model: model.name, planHash: model.planHash, retrySeconds },
      ...(token !== undefined && { token }),
      onProgress: (progress) => listener(model, progress),
    });
    return new Asked(model, session);
  }

  /** Makes the one-time material of the next answer, which needs no picture. A failed attempt is not kept. */
  async prepare(): Promise<void> {
    this.#prepared ??= this.session.prepare();
    try {
      await this.#prepared;
    } catch (error) {
      this.#prepared = undefined;
      throw error;
    }
  }

  /** A connection that was lost while the page waited is opened again, once. */
  async ask(pixels: Float32Array): Promise<PageAnswer> {
    await this.prepare();
    this.#prepared = undefined;
    try {
      return await this.session.infer(pixels);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'ConnectionError') throw error;
      return this.session.infer(pixels);
    }
  }
}
