import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { tags } from '../../../crypto/channel/channel.ts';

/** A frame that went through, and to whom. */
export type Passed = {
  readonly to: 'client' | 'server';
  readonly tag: number;
  /** Which part of its message it is. */
  readonly part: number;
  readonly payload: Buffer;
};

/**
 * A proxy between clients and a server whose connections can be cut as a network does it: without a word to
 * either side, after a given number of frames more.
 */
export type CuttingProxy = {
  readonly url: string;
  /** All frames so far. */
  readonly passed: readonly Passed[];
  /**
   * Cuts the connection after so many frames, counted from the client's next request: when a call of the
   * client has ended, its last frames may still be on their way to the server.
   */
  cutAfter(frames: number): void;
  /** Cuts the connection once after the first frame of this kind. */
  cutAt(isLast: (frame: Passed) => boolean): void;
  /** The frames since that request. */
  readonly counted: number;
  close(): void;
};

/** `rewrite` may change what frames say (default: it does not). */
export async function cuttingProxy(
  url: string,
  rewrite: (frame: Buffer) => Buffer = (frame) => frame,
): Promise<CuttingProxy> {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(sockets, 'listening');
  const passed: Passed[] = [];
  let last = Infinity;
  let counted = 0;
  /** Whether frames are counted from the next request. */
  let counts = false;
  let isAwaited = (_: Passed) => false;
  sockets.on('connection', (client) => {
    const server = new WebSocket(url, { perMessageDeflate: false });
    let order: Promise<unknown> = new Promise((resolve) => server.once('open', resolve));
    const cut = () => {
      client.terminate();
      server.terminate();
    };
    const carry = (from: WebSocket, other: WebSocket, to: Passed['to']) => {
      from.on('error', () => undefined);
      from.on('close', () => void order.then(() => other.close()));
      from.on('message', (data) => {
        const frame = rewrite(data as Buffer);
        if (counted > 0 || (counts && frame[3] === tags.request)) counted++;
        const seen = { to, tag: frame[3]!, part: frame.readUInt16LE(12), payload: frame.subarray(16) };
        const isLast = counted === last || isAwaited(seen);
        if (isLast) isAwaited = () => false;
        passed.push(seen);
        order = order.then(() => new Promise((resolve) => other.send(frame, resolve)));
        if (isLast) order = order.then(cut);
      });
    };
    carry(client, server, 'server');
    carry(server, client, 'client');
  });
  return {
    url: `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`,
    passed,
    cutAfter: (frames) => {
      [last, counts] = [frames, true];
    },
    cutAt: (isLast) => {
      isAwaited = isLast;
    },
    get counted() {
      return counted;
    },
    close: () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
}
