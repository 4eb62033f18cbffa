import { createHash, timingSafeEqual } from 'node:crypto';
import { clientOfAddress } from './client-address.ts';
import { checkToken } from './token.ts';

export type AccessOptions = {
  /**
   * The tokens of the clients that may connect; a client shows one of them (default: anyone may connect). A
   * token without a name is called 'token' and its number.
   */
  readonly tokens?: readonly (string | NamedToken)[];
  /** Inferences that one client may begin in any 60 s (default: no limit). */
  readonly perMinute?: number;
};

/** A token and the name of its client, for the log. */
export type NamedToken = { readonly name: string; readonly token: string };

const windowMs = 60_000;

/**
 * Decides who may ask a server, and how often. Clients are told apart by their tokens, or by their addresses
 * (client-address.ts) when there are no tokens. Both limits make it slower and attributable to copy the model
 * by asking often (docs/security.md); they do not prevent it.
 */
export class Access {
  #known: readonly { readonly name: string; readonly digest: Buffer }[] | undefined;
  readonly #perMinute: number;
  readonly #begun = new Map<string, number[]>();

  /** Throws UsageError for a token that is too short or has white space in it. */
  constructor({ tokens, perMinute = Infinity }: AccessOptions) {
    this.#perMinute = perMinute;
    this.replaceTokens(tokens);
  }

  /** Throws UsageError for a wrong token, and then keeps those that it had. */
  replaceTokens(tokens: AccessOptions['tokens']): void {
    this.#known = tokens?.map((given, i) => {
      const { name, token } = typeof given === 'string' ? { name: `token ${i + 1}`, token: given } : given;
      return { name, digest: digest(checkToken(token, name)) };
    });
  }

  /** Whether a client that was admitted under this name still may ask. */
  knows(client: string): boolean {
    return this.#known === undefined || this.#known.some(({ name }) => name === client);
  }

  /** The client's name, from its Authorization header and address. Undefined when it may not ask. */
  admit(authorization: string | undefined, address: string): string | undefined {
    return this.admitToken(/^Bearer (\S+)$/.exec(authorization ?? '')?.[1], address);
  }

  /** The client's name, from the token that it shows. */
  admitToken(token: string | undefined, address: string): string | undefined {
    if (this.#known === undefined) return clientOfAddress(address);
    const shown = digest(token ?? '');
    let name: string | undefined;
    // All tokens are compared, so that the time does not tell which one matched.
    for (const known of this.#known) if (timingSafeEqual(known.digest, shown)) name = known.name;
    return name;
  }

  /**
   * The seconds after which this client may begin one more inference at `now`, in milliseconds of a clock
   * that never goes back. 0: it may begin, and the inference is counted.
   */
  begin(client: string, now: number): number {
    if (this.#perMinute === Infinity) return 0;
    for (const [name, times] of this.#begun) {
      const recent = times.filter((time) => time > now - windowMs);
      if (recent.length === 0) this.#begun.delete(name);
      else this.#begun.set(name, recent);
    }
    const times = this.#begun.get(client) ?? [];
    if (times.length >= this.#perMinute) return (times[0]! + windowMs - now) / 1000;
    this.#begun.set(client, [...times, now]);
    return 0;
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
