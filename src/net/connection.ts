import { connect, isIP } from 'node:net';
import type { TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { isUnshaped } from '../../pipelines/cost/profiles.ts';
import type { NetworkProfile } from '../../pipelines/cost/profiles.ts';
import { ThrottledSocket } from './throttle.ts';

type Options = TcpNetConnectOpts & ConnectionOptions;

/** For a WebSocket client's `createConnection`: connections as slow as a network; undefined where it has no limits. Under TLS too. */
export function slowedConnection(profile: NetworkProfile, secure: boolean): typeof connect | undefined {
  if (isUnshaped(profile)) return undefined;
  const open = (options: Options): Duplex => {
    const { host = 'localhost', port } = options;
    const slow = new ThrottledSocket(connect({ host, port, noDelay: true }), profile);
    const servername = isIP(host) === 0 ? host : '';
    return secure ? connectTls({ servername, ...options, path: undefined, socket: slow }) : slow;
  };
  // Node's HTTP client takes any stream; the types that `ws` has for it do not.
  return open as typeof connect;
}
