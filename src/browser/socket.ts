import type { Socket, SocketEvents } from '../net/socket.ts';
import { ConnectionError } from '../shared/errors.ts';

/** Of a session that failed. Pages may not use the protocol's own codes for it. */
const failureCode = 4000;

/** Milliseconds between two looks at how much is still to be sent: no event tells. */
const sendPause = 5;

/** Bytes that may wait in the browser before a sender waits. */
const mostWaiting = 1 << 20;

/** A browser's WebSocket. It cannot hold back the peer, send in pieces or ask whether the peer is there. */
export class BrowserSocket implements Socket {
  readonly #socket: WebSocket;
  /** Resolves when the connection is there. */
  readonly opened: Promise<void>;

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#socket.binaryType = 'arraybuffer';
    this.opened = new Promise((resolve, reject) => {
      this.#socket.addEventListener('open', () => resolve());
      // Browsers tell pages no reason.
      const reason = `server ${url}: no connection; is it running, and is this its address?`;
      // A page's policy can block a connection, and then no closing comes.
      for (const event of ['error', 'close'])
        this.#socket.addEventListener(event, () => reject(new ConnectionError(reason)));
    });
    this.opened.catch(() => undefined);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  listen(events: SocketEvents): void {
    this.#socket.addEventListener('message', ({ data }: { readonly data: unknown }) => {
      if (data instanceof ArrayBuffer) events.message(new Uint8Array(data));
      else events.text();
    });
    for (const event of ['error', 'close']) this.#socket.addEventListener(event, () => events.closed());
  }

  async send(header: Uint8Array, payload: Uint8Array): Promise<void> {
    const message = new Uint8Array(header.byteLength + payload.byteLength);
    message.set(header);
    message.set(payload, header.byteLength);
    this.#socket.send(message);
    while (this.buffered > mostWaiting) {
      if (!this.isOpen) throw new Error('the connection is closed');
      await new Promise((resolve) => setTimeout(resolve, sendPause));
    }
  }

  close(isFailure: boolean): void {
    this.#socket.close(isFailure ? failureCode : 1000);
  }

  cut(): void {
    this.#socket.close(failureCode);
  }
}
