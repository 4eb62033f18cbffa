import { isIP } from 'node:net';
import { UsageError } from '../shared/errors.ts';

/** What tells where a WebSocket request comes from. Only browsers send an origin. */
export type Asking = {
  readonly origin: string | undefined;
  /** The name and port under which the client reached this server. */
  readonly host: string | undefined;
  readonly isEncrypted: boolean;
};

/**
 * Whether this server takes a WebSocket from there. Without this check any site that somebody visits could
 * use a server on their machine. Taken are programs, pages of the origins in `allowed`, and the server's own
 * page if it has one. Its own is the origin that equals the Host header; but under a foreign name without TLS
 * that says nothing, because its owner can let the name point to any machine (DNS rebinding).
 */
export function takesOrigin(
  { origin, host, isEncrypted }: Asking,
  allowed: readonly string[],
  servesPage: boolean,
): boolean {
  if (origin === undefined || allowed.includes(origin)) return true;
  if (!servesPage || host === undefined) return false;
  if (origin !== `${isEncrypted ? 'https' : 'http'}://${host}`) return false;
  return isEncrypted || isOwnName(new URL(origin).hostname);
}

function isOwnName(name: string): boolean {
  return name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** The origin as browsers write it. Throws UsageError for what is none. */
export function checkOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  if (isOrigin && text.replace(/\/$/, '') === url.origin) return url.origin;
  throw new UsageError(`origin: expected one such as https://example.org, got ${text}`);
}
