import { WebSocket } from 'ws';
import type { Socket, SocketEvents } from './socket.ts';

/** A socket of the ws package. */
export class NodeSocket implements Socket {
  readonly #socket: WebSocket;
  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = 'nodebuffer';
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
    let heard = true;
    // Frames tell as much as an answer does, which may wait behind them.
    for (const sign of ['pong', 'message', 'ping'] as const) socket.on(sign, () => (heard = true));
    const pings = setInterval(() => {
      if (!this.isOpen) return;
      if (!heard && !socket.isPaused) return gone();
      heard = false;
      socket.ping();
    }, seconds * 1000).unref();
    socket.on('close', () => clearInterval(pings));
  }
}
