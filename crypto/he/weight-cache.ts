import { linearParams } from '../params.ts';
import { connected, packWeights } from './pack.ts';
import type { Layout } from './pack.ts';
import { loadPlaintext, whenReset } from './seal.ts';
import type { Plaintext, Scheme } from './seal.ts';

/**
 * Weight polynomials in NTT form, kept across requests in this thread's WASM heap. A network asks for its
 * tiles in the same order every time, and evicting the least recently used one would evict each tile just
 * before it is needed. So a tile is let in only when there is room or when the oldest tile has not been used
 * for `staleLookups` look-ups.
 */
const staleLookups = 100_000;
const tileBytes = 8 * linearParams.degree * linearParams.primeBits.length;

/** `plaintext` is undefined when every weight of the tile is zero. */
type Entry = { plaintext: Plaintext | undefined; used: number };

const entries = new Map<string, Entry>();
let lookups = 0;
whenReset(() => entries.clear());

/** Whose tiles these are, and how many bytes of tiles this thread may keep. */
export type CachedWeights = { readonly weightsId: string; readonly weightCacheBytes: number };

/**
 * Lends a tile's plaintext to `use`, unless the tile is all zeros. `weights` are those of the output range
 * alone.
 */
export function withWeights(
  scheme: Scheme,
  layout: Layout,
  cached: CachedWeights,
  weights: Int32Array,
  input: number,
  output: number,
  use: (plaintext: Plaintext) => void,
): void {
  const key = `${cached.weightsId}/${input}/${output}`;
  const found = entries.get(key);
  lookups++;
  if (found !== undefined) {
    found.used = lookups;
    entries.delete(key);
    entries.set(key, found);
    if (found.plaintext !== undefined) use(found.plaintext);
    return;
  }
  const plaintext = transform(scheme, layout, weights, input, output);
  const kept = admit(key, plaintext, cached.weightCacheBytes);
  if (plaintext === undefined) return;
  try {
    use(plaintext);
  } finally {
    if (!kept) plaintext.delete();
  }
}

function transform(
  scheme: Scheme,
  layout: Layout,
  weights: Int32Array,
  input: number,
  output: number,
): Plaintext | undefined {
  const polynomial = packWeights(layout, weights, layout.inputRanges[input]!, layout.outputRanges[output]!);
  if (polynomial === undefined) return undefined;
  // A negative weight is t - |w|, which SEAL lifts to Q - |w|. With t = 2^32 that has the same bits, read as
  // unsigned.
  const words = new Uint32Array(2 * polynomial.length);
  for (let i = 0; i < polynomial.length; i++) words[2 * i] = polynomial[i]!;
  const plaintext = loadPlaintext(scheme, words);
  using id = scheme.context.firstParmsId();
  scheme.evaluator.plainTransformToNttInplace(plaintext, id);
  return plaintext;
}

function admit(key: string, plaintext: Plaintext | undefined, cacheBytes: number): boolean {
  if ((entries.size + 1) * tileBytes > cacheBytes) {
    const first = entries.entries().next().value;
    if (first === undefined) return false;
    const [oldestKey, oldest] = first;
    if (lookups - oldest.used < staleLookups) return false;
    oldest.plaintext?.delete();
    entries.delete(oldestKey);
  }
  entries.set(key, { plaintext, used: lookups });
  return true;
}

/** The indices of the input ranges that an output range depends on. */
export function inputsReaching(layout: Layout, output: number): number[] {
  const range = layout.outputRanges[output]!;
  return layout.inputRanges.flatMap((input, i) => (connected(layout.spec, input, range) ? [i] : []));
}
