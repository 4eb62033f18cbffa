import { UsageError } from '../shared/errors.ts';

/** Characters. Shorter tokens can be guessed: 16 characters of base64 are 96 bits. */
export const minTokenLength = 16;
/** So that it fits a client's first message. */
export const longestToken = 500;

/**
 * The token, if it has a form that a client may show. Throws UsageError otherwise. `what` names the token in
 * the error, which never shows its value.
 */
export function checkToken(token: string, what: string): string {
  const fits = token.length >= minTokenLength && token.length <= longestToken;
  if (fits && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new UsageError(`${what}: expected ${minTokenLength} to ${longestToken} visible ASCII characters`);
}
