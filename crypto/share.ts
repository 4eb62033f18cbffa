import { randomWords } from '../src/shared/random.ts';
import type { Rng } from '../src/shared/random.ts';

/** The two shares of x: x = client + server mod 2^32, read as a signed integer. */
export type Shares = {
  readonly client: Uint32Array<ArrayBuffer>;
  readonly server: Uint32Array<ArrayBuffer>;
};

/** Additive shares in Z_{2^32}. Each share alone is uniform. */
export function share(x: Int32Array, rng: Rng): Shares {
  const client = randomWords(rng, x.length);
  return { client, server: subtract(x, client) };
}

/** The value that two shares add up to. Throws RangeError when they differ in length. */
export function open(client: Uint32Array, server: Uint32Array): Int32Array<ArrayBuffer> {
  if (client.length !== server.length) {
    throw new RangeError(
      `open: expected two shares of one length, got ${client.length} and ${server.length} elements`,
    );
  }
  const x = new Int32Array(client.length);
  for (let i = 0; i < x.length; i++) x[i] = client[i]! + server[i]!;
  return x;
}

/** a - b mod 2^32, element by element. */
export function subtract(a: Uint32Array | Int32Array, b: Uint32Array | Int32Array): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i]! - b[i]!;
  return out;
}
