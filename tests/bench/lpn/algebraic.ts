/**
 * Algebraic attacks on regular noise over F_2: AGB of Briaud and Øygarden (EUROCRYPT 2023, ePrint 2023/176),
 * and AGB 2.0, ePrint 2025/1476, both by the formulas of the authors' estimator. n samples of a secret of k
 * bits with h errors, one in each block of beta. The attack guesses of f blocks that mu places have no error,
 * and solves what is left by monomials up to a degree of 2, 3 or 4. AGB 2.0 eliminates most of them before it
 * guesses the last places: it begins with fewer guesses, f' blocks and mu' places, and mends the small
 * remainder for each of the others. All f, mu, f' and mu' are searched. Logarithms of operations.
 */
const { log2, floor, min, max } = Math;
const degrees = [2, 3, 4] as const;

/** Sizes at (f, mu), up to each degree: monomials, and those less the equations' rank. */
type Sizes = { readonly monomials: readonly number[]; readonly free: readonly number[] };

/** Coefficients of z to z^4 of (1 + a z)^m; m may be negative. Exact: they cancel. */
function power(a: bigint, m: bigint): bigint[] {
  const all = [1n];
  for (let i = 1n; i <= 4n; i++) all.push((all.at(-1)! * a * (m - i + 1n)) / i);
  return all;
}

function product(a: readonly bigint[], b: readonly bigint[]): bigint[] {
  return a.map((_, d) => a.slice(0, d + 1).reduce((sum, x, i) => sum + x * b[d - i]!, 0n));
}

/** Sums of the coefficients of z up to z^d. */
function upTo(series: readonly bigint[]): number[] {
  let sum = 0n;
  return series.slice(1).map((x) => Number((sum += x)));
}

class Instance {
  readonly beta: number;
  readonly #n: number;
  readonly #k: number;
  readonly #h: number;
  readonly #equations: bigint[];

  constructor(n: number, k: number, h: number) {
    [this.beta, this.#n, this.#k, this.#h] = [floor(n / h), n, k, h];
    this.#equations = power(1n, -BigInt(this.#n - this.#k - 1));
  }

  sizes(f: number, mu: number): Sizes {
    const monomials = product(
      power(BigInt(this.beta - mu - 1), BigInt(f)),
      power(BigInt(this.beta - 1), BigInt(this.#h - f)),
    );
    return {
      monomials: upTo(monomials).slice(1),
      free: upTo(product(monomials, this.#equations)).slice(1),
    };
  }

  /** All f and mu: of each the number of f, of mu, the logarithm of the tries, and the sizes. */
  *guesses(): Generator<{ f: number; mu: number; tries: number; sizes: Sizes }> {
    for (let f = this.#h; f > 0; f--) {
      for (let mu = floor(min(this.#k / f, this.beta - 1)); mu >= 0; mu--) {
        yield { f, mu, tries: -f * log2(1 - mu / this.beta), sizes: this.sizes(f, mu) };
      }
    }
  }
}

export type Algebraic = { readonly agb: number; readonly agb2: number };

export function algebraic(n: number, k: number, h: number): Algebraic {
  const instance = new Instance(n, k, h);
  let [agb, agb2] = [Infinity, Infinity];
  // The fewest tries, by degree, that solve with at least as many blocks and places.
  const { beta } = instance;
  const solving = degrees.map(() => new Float64Array((h + 2) * (beta + 1)).fill(Infinity));
  const at = (f: number, mu: number) => f * (beta + 1) + mu;
  for (const { f, mu, tries, sizes } of instance.guesses()) {
    for (const [i] of degrees.entries()) {
      const least = solving[i]!;
      const own = sizes.free[i]! < 1 ? tries : Infinity;
      if (own < Infinity) agb = min(agb, tries + 2 * log2(sizes.monomials[i]!) + log2(3 * (k + 1 - f * mu)));
      least[at(f, mu)] = min(own, least[at(f + 1, mu)]!, least[at(f, mu + 1)]!);
      if (f > 1 && least[at(f, mu)]! < Infinity)
        agb2 = min(agb2, twoSteps(sizes, i, tries, least[at(f, mu)]!));
    }
  }
  return { agb, agb2 };
}

/** Few guesses for the elimination of most monomials, all of them for that of the rest. */
function twoSteps({ monomials, free }: Sizes, i: number, few: number, all: number): number {
  const [size, rest] = [monomials[i]!, max(1, free[i]!)];
  const rank = max(1, size - rest);
  const strassen = (x: number) => log2(5.64) + 2.8 * log2(x);
  const first = min(strassen(size), rank > 2 ? log2(size) + 2 * log2(rank) - log2(log2(rank)) : Infinity);
  const second = strassen(min(rest, rank));
  const [a, b] = [few + max(0, first), all + max(0, second)];
  return max(a, b) + log2(1 + 2 ** -Math.abs(a - b));
}
