import { WebSocket } from 'ws';
import { looksPerSilence, Silence } from './silence.ts';
import type { Socket, SocketEvents } from './socket.ts';

/** What a TCP or TLS connection tells of itself. */
export type Transport = { readonly bytesRead: number };

/** A socket of the ws package. */
export class NodeSocket implements Socket {
  readonly #socket: WebSocket;
  /** Tells of bytes of which no frame is whole yet. */
  #transport: Transport | undefined;

  /**
   * `transport` is the connection under a WebSocket that is open already. One that has yet to open is found.
   * Without it only whole frames are seen to come.
   */
  constructor(socket: WebSocket, transport?: Transport) {
    this.#socket = socket;
    this.#transport = transport;
    socket.binaryType = 'nodebuffer';
    socket.once('upgrade', (response) => (this.#transport = response.socket));
  }

  readonly reading: NonNullable<Socket['reading']> = {
    pause: () => this.#socket.pause(),
    resume: () => this.#socket.resume(),
  };

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  listen(events: SocketEvents): void {
    this.#socket.on('message', (data, isBinary) => {
      if (!isBinary) return events.text();
      // A Uint8Array, because `slice` of a Buffer answers with a view of its pool.
      const { buffer, byteOffset, byteLength } = data as Buffer;
      events.message(new Uint8Array(buffer, byteOffset, byteLength));
    });
    this.#socket.on('error', (error) => events.closed(error.message));
    this.#socket.on('close', () => events.closed());
  }

  send(header: Uint8Array, payload: Uint8Array): Promise<void> {
    // One message in two fragments, so that the payload is not copied.
    this.#socket.send(header, { binary: true, fin: false });
    return new Promise((resolve, reject) => {
      this.#socket.send(payload, { binary: true, fin: true }, (error) => {
        if (error === undefined || error === null) resolve();
        else reject(error);
      });
    });
  }

  close(isFailure: boolean): void {
    this.#socket.close(isFailure ? 1011 : 1000);
    // Cut off a peer that does not answer the closing handshake.
    setTimeout(() => this.cut(), 2000).unref();
  }

  cut(): void {
    this.#socket.terminate();
  }

  watch(seconds: number, gone: () => void): void {
    const socket = this.#socket;
    let heard = 0;
    for (const sign of ['pong', 'message', 'ping'] as const) socket.on(sign, () => heard++);
    const silence = new Silence();
    const look = () => {
      if (!this.isOpen) return;
      const [received, unsent] = [heard + (this.#transport?.bytesRead ?? 0), this.buffered];
      if (silence.look({ received, unsent, isHeldBack: socket.isPaused })) return gone();
      // Behind bytes that wait it would tell nothing.
      if (unsent === 0) socket.ping();
    };
    const looks = setInterval(look, (seconds * 1000) / looksPerSilence).unref();
    socket.on('close', () => clearInterval(looks));
  }
}
