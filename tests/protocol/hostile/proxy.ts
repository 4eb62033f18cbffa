import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import type { Side } from './parties.ts';

/**
 * What the proxy does to the `at`-th message for a side, counted from 0: the messages that go on in its
 * place.
 */
export type Meddle = (side: Side, at: number, frame: Buffer) => readonly Uint8Array[];

/** A man in the middle of every session between a client and the server at `url`. */
export async function startProxy(url: string, meddle: Meddle): Promise<{ url: string; close(): void }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (toClient) => {
    const toServer = new WebSocket(url);
    const opened = new Promise((resolve) => toServer.once('open', resolve));
    let waiting: Promise<unknown> = opened;
    const carry = (from: WebSocket, to: WebSocket, side: Side) => {
      let count = 0;
      from.on('error', () => undefined);
      from.on('message', (data) => {
        const frames = meddle(side, count++, data as Buffer);
        waiting = waiting.then(() => frames.forEach((frame) => to.send(frame)));
      });
      // What was said before the end still goes on.
      from.on('close', () => void waiting.then(() => to.close()));
    };
    carry(toClient, toServer, 'server');
    carry(toServer, toClient, 'client');
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}
