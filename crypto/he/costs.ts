/**
 * What the parts of a linear layer cost at N = 4096 with two primes: processor seconds of one thread, as
 * `reluctant bench machine` measured them on two cores of an AMD EPYC on 2026-11-23. The one table of these
 * costs. Two readers:
 *
 * - `layout.ts` chooses the layout of a layer by their ratios. Both parties must choose the same one, so
 *   a new measurement here is a new version of the wire.
 * - `pipelines/cost` predicts by them on a machine that nobody has measured.
 */
export const linearCosts = {
  /** Packing and encrypting one input, by the client. */
  encryptInput: 0.00156,
  /** Decrypting one output, by the client. */
  decryptOutput: 0.000629,
  /** The transform of one weight, which the server keeps. */
  transformWeight: 0.000429,
  /** What a layer takes beside its ciphertexts. */
  layer: 0,
  /** Reading and transforming one input, by one of the server's threads. */
  readInput: 0.000654,
  /** One product with a weight that is kept, and its sum. */
  product: 9.31e-5,
  /** Transforming back, flooding, switching and packing one output, by the server. */
  respondOutput: 0.00291,
} as const;
