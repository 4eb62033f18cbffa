import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';
import { NodeSocket } from './node-socket.ts';
import { WebSocketChannel } from './web-socket-channel.ts';
import type { Channel } from '../../crypto/channel/channel.ts';

/**
 * Both ends of a WebSocket connection over loopback in this process, as `serve` and `infer` have one. The
 * client's end comes first.
 */
export async function loopbackPair(): Promise<{ channels: readonly [Channel, Channel]; close(): void }> {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(sockets, 'listening');
  const accepted = once(sockets, 'connection') as Promise<[WebSocket]>;
  const socket = new WebSocket(`ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`, {
    perMessageDeflate: false,
  });
  const near = new WebSocketChannel(new NodeSocket(socket));
  const far = new WebSocketChannel(new NodeSocket((await accepted)[0]));
  if (socket.readyState !== WebSocket.OPEN) await once(socket, 'open');
  return {
    channels: [near, far],
    close: () => {
      near.close();
      far.close();
      sockets.close();
    },
  };
}
