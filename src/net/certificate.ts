import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { UsageError } from '../shared/errors.ts';
import { unreadable } from '../shared/unreadable.ts';

/** Paths of PEM files. */
export type CertificateFiles = { readonly cert: string; readonly key: string };

/** Reads a certificate and its key. Throws UsageError, in plain words, if TLS cannot use them. */
export function readCertificate({ cert, key }: CertificateFiles): { cert: string; key: string } {
  const pair = { cert: read('certificate', cert), key: read('key', key) };
  try {
    createSecureContext({ cert: pair.cert });
  } catch (error) {
    throw new UsageError(`TLS certificate ${cert}: ${reasonOf(error)}`);
  }
  try {
    createSecureContext(pair);
    return pair;
  } catch (error) {
    throw new UsageError(`TLS key ${key}: ${reasonOf(error)}`);
  }
}

function read(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`TLS ${what} ${file}: ${unreadable(error)}`);
  }
}

/** By the codes that Node gives to OpenSSL's errors. */
const reasons: Readonly<Record<string, string>> = {
  ERR_OSSL_PEM_NO_START_LINE: 'expected a PEM file, which has a line with BEGIN; this one has none',
  ERR_OSSL_PEM_BAD_END_LINE: 'the PEM file is cut off',
  ERR_OSSL_PEM_BAD_BASE64_DECODE: 'the PEM file is damaged',
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'it is not the key of the certificate',
  ERR_OSSL_X509_KEY_TYPE_MISMATCH: 'it is not the key of the certificate',
  // Node answers OpenSSL's question for the passphrase with an empty one.
  ERR_OSSL_BAD_DECRYPT: 'it is encrypted; give one without a passphrase',
  ERR_OSSL_BAD_PASSWORD_READ: 'it is encrypted; give one without a passphrase',
  ERR_OSSL_UNSUPPORTED: 'its form is not supported, or the PEM file is damaged',
  ERR_SSL_EE_KEY_TOO_SMALL: 'its key is too small',
};

function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return reasons[code] ?? `it is damaged, or of a kind that TLS cannot use (${code || message})`;
}
