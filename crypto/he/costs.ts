/**
 * What the parts of a linear layer cost at N = 4096 with three primes: processor seconds of one thread, as
 * `reluctant bench machine` measured them on two cores of an AMD EPYC on 2026-11-29. The one table of these
 * costs. Two readers:
 *
 * - `layout.ts` chooses the layout of a layer by their ratios. Both parties must choose the same one, so
 *   a new measurement here is a new version of the wire.
 * - `pipelines/cost` predicts by them on a machine that nobody has measured.
 */
export const linearCosts = {
  /** Packing and encrypting one input, by the client. */
  encryptInput: 0.000114,
  /** Decrypting one output, by the client. */
  decryptOutput: 0.0000662,
  /** Packing and transforming one tile of weights, which the server keeps where it has room. */
  transformWeight: 0.000034,
  /** What a layer takes beside its ciphertexts. */
  layer: 0.00001,
  /** Reading one input, by the server. */
  readInput: 0.000079,
  /** One product with weights that are kept, and its sum. */
  product: 0.00000463,
  /** Transforming back, hiding, rounding and packing one output, by the server. */
  respondOutput: 0.000231,
} as const;
