/** A list of rows. */
export type Matrix = readonly (readonly number[])[];

/**
 * The matrices of Winograd's minimal filtering F(m, 3): m outputs of a kernel g of 3 taps on an input x take
 * m + 2 multiplications (Lavin and Gray 2016, section 4.1),
 *
 *     y = output^T ((kernel g) . (input x))
 *
 * The rows of each matrix are the points. Shapes: output [m + 2, m], kernel [m + 2, 3], input [m + 2, m + 2].
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
 * The method of Toom and Cook: polynomials are multiplied through their values at m + 1 given points and at
 * infinity. The transpose of such a product is a correlation.
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

/**
 * How much each of n coefficients adds to a polynomial's value at p; at infinity only the leading one counts.
 */
function powers(p: number, n: number): number[] {
  const isLast = (k: number) => k === n - 1;
  return Array.from({ length: n }, (_, k) => (p === Infinity ? Number(isLast(k)) : p ** k));
}

/** The coefficients of the product of all (t - root), the constant first. */
function fromRoots(roots: readonly number[]): number[] {
  return roots.reduce<number[]>(
    (polynomial, root) => [0, ...polynomial].map((c, k) => c - root * (polynomial[k] ?? 0)),
    [1],
  );
}
