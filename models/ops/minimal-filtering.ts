/** A list of rows. */
export type Matrix = readonly (readonly number[])[];

/**
 * Winograd's minimal filtering F(m, 3): m outputs of a kernel g of 3 taps on an input x, by m + 2 multiplications (Lavin and Gray 2016,
 * section 4.1),
 *
 *     y = output^T ((kernel g) . (input x))
 *
 * Rows are points: [m + 2, m], [m + 2, 3] and [m + 2, m + 2].
 */
export type MinimalFiltering = {
  /** m */
  readonly outputs: number;
  readonly output: Matrix;
  readonly kernel: Matrix;
  readonly input: Matrix;
};

const taps = 3;

/**
 * By Toom and Cook: polynomials are multiplied by their values at m + 1 points and at infinity; transposed, their product is a
 * correlation.
 */
export function minimalFiltering(points: readonly number[]): MinimalFiltering {
  const outputs = points.length + 1 - (taps - 1);
  const valuesOf = (n: number): Matrix => [...points.map((p) => powers(p, n)), powers(Infinity, n)];
  const interpolation = points.map((p, i) => {
    const others = points.toSpliced(i, 1);
    const scale = others.reduce((product, q) => product * (p - q), 1);
    return [...fromRoots(others).map((c) => c / scale), 0];
  });
  return {
    outputs,
    output: valuesOf(outputs),
    kernel: valuesOf(taps),
    input: [...interpolation, fromRoots(points)],
  };
}

/** What each of n coefficients adds to a polynomial's value at p; at infinity only the leading one counts. */
function powers(p: number, n: number): number[] {
  const isLast = (k: number) => k === n - 1;
  return Array.from({ length: n }, (_, k) => (p === Infinity ? Number(isLast(k)) : p ** k));
}

/** Coefficients of the product of (t - root), the constant first. */
function fromRoots(roots: readonly number[]): number[] {
  return roots.reduce<number[]>(
    (polynomial, root) => [0, ...polynomial].map((c, k) => c - root * (polynomial[k] ?? 0)),
    [1],
  );
}
