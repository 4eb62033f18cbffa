import { ConnectionError, ProtocolError } from '../shared/errors.ts';

/** What is wrong with a server's certificate, by the codes of Node. Another try cannot help. */
const certificateReasons: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; if it is the right one, trust it with --ca',
  SELF_SIGNED_CERT_IN_CHAIN:
    'its certificate was signed by an authority that is not trusted; if it is the right one, trust it with --ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate was signed by an authority that is not known; trust it with --ca, or let the server send the whole chain',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate was signed by an authority that is not known; trust it with --ca, or let the server send the whole chain',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: "its certificate is not valid yet; is this machine's clock right?",
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name than the one in the address',
  CERT_SIGNATURE_FAILURE: "its certificate's signature is wrong",
};

/**
 * The error for a connection that did not come about. A ConnectionError where it may come about later, and a
 * ProtocolError where another try cannot help.
 */
export function connectionFailure(url: string, error: Error, showedToken: boolean): ProtocolError {
  // Errors of several addresses come as one AggregateError without a message.
  const first = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : undefined;
  const { code = '', message } = (first ?? error) as NodeJS.ErrnoException;
  const server = `server ${url}`;
  if (message.endsWith('401')) {
    const needed = showedToken ? 'it does not know this token' : 'it serves only clients with a token';
    return new ProtocolError(`${server}: ${needed} (--token-file)`);
  }
  const certificate = certificateReasons[code];
  if (certificate !== undefined) return new ProtocolError(`${server}: ${certificate}`);
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'EPROTO') {
    return new ProtocolError(`${server}: it does not speak TLS there; try ws:// in place of wss://`);
  }
  if (/response: 50[234]$/.test(message)) {
    return new ConnectionError(`${server}: a proxy finds no server behind it (HTTP ${message.slice(-3)})`);
  }
  if (message.startsWith('Unexpected server response')) {
    return new ProtocolError(`${server}: another program answers there (HTTP ${message.slice(-3)})`);
  }
  return new ConnectionError(`${server}: ${message || 'no connection'}${hintOf(code, message, url)}`);
}

function hintOf(code: string, message: string, url: string): string {
  if (code === 'ECONNREFUSED') return '; no server listens there: is it running, and is the port right?';
  if (code === 'ENOTFOUND') return '; no machine has this name';
  return message === 'socket hang up' && url.startsWith('ws:') ? '; it may need wss://' : '';
}
