import { once } from 'node:events';
import { WebSocket } from 'ws';
import { NodeSocket } from '../../../src/net/node-socket.ts';
import { WebSocketChannel } from '../../../src/net/web-socket-channel.ts';

/** An open connection to a server, for what no client would send. */
export async function rawSocket(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  socket.on('error', () => undefined);
  return socket;
}

/** The protocol's frames over an open connection. */
export async function rawChannel(url: string): Promise<WebSocketChannel> {
  const socket = new WebSocket(url);
  const channel = new WebSocketChannel(new NodeSocket(socket));
  await once(socket, 'open');
  return channel;
}
