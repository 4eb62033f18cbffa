/** The gradient of a loss at a point. */
export type GradientAt = (point: Float32Array) => Promise<Float64Array>;

export type PowerOptions = {
  /** Iterations of each of the two runs (default: 12). */
  readonly iterations?: number;
  /** The distance of the central differences, in the units of the loss's parameters. */
  readonly step: number;
  /** A source of uniform numbers in [0, 1), for the first direction. */
  readonly uniform: () => number;
};

/**
 * The largest eigenvalue of the Hessian, by power iteration on central differences of gradients. Power
 * iteration finds the eigenvalue mu of largest absolute value; if it is negative, a second run on H - mu I
 * finds the largest one. The result is a lower bound that grows with `iterations`.
 */
export async function largestEigenvalue(
  gradientAt: GradientAt,
  point: Float32Array,
  options: PowerOptions,
): Promise<number> {
  const first = await powerIteration(gradientAt, point, options, 0);
  return first >= 0 ? first : first + (await powerIteration(gradientAt, point, options, first));
}

/** The eigenvalue of H - shift I of largest absolute value, estimated by the last Rayleigh quotient. */
async function powerIteration(
  gradientAt: GradientAt,
  point: Float32Array,
  { iterations = 12, step, uniform }: PowerOptions,
  shift: number,
): Promise<number> {
  let direction = normalised(Float64Array.from(point, () => uniform() - 0.5));
  let quotient = 0;
  for (let i = 0; i < iterations; i++) {
    const product = await hessianTimes(gradientAt, point, direction, step);
    for (let j = 0; j < product.length; j++) product[j]! -= shift * direction[j]!;
    quotient = dot(direction, product);
    if (norm(product) === 0) return 0;
    direction = normalised(product);
  }
  return quotient;
}

/** (g(point + step v) - g(point - step v)) / (2 step) */
async function hessianTimes(
  gradientAt: GradientAt,
  point: Float32Array,
  direction: Float64Array,
  step: number,
): Promise<Float64Array> {
  const moved = (by: number) => point.map((value, i) => value + by * direction[i]!);
  const ahead = await gradientAt(moved(step));
  const behind = await gradientAt(moved(-step));
  return ahead.map((value, i) => (value - behind[i]!) / (2 * step));
}

function normalised(vector: Float64Array): Float64Array {
  const length = norm(vector);
  return vector.map((value) => value / length);
}

/** The Euclidean norm. */
export function norm(vector: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! ** 2;
  return Math.sqrt(sum);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/**
 * How much a group's loss can grow, to second order, when the weights move by `distance` d: |g| d + lambda
 * d^2 / 2 (R_a in Das et al. 2024). It does not cover activations that are replaced.
 */
export function lossGrowthBound(gradientNorm: number, eigenvalue: number, distance: number): number {
  return gradientNorm * distance + 0.5 * eigenvalue * distance ** 2;
}

/**
 * Spearman's rank correlation, where ties share their mean rank. NaN for fewer than two values, or if all
 * values of one side are equal.
 */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [centredRanks(a), centredRanks(b)];
  return dot(x, y) / (norm(x) * norm(y));
}

function centredRanks(values: readonly number[]): Float64Array {
  const count = (accepts: (other: number) => boolean) => values.filter(accepts).length;
  return Float64Array.from(
    values,
    (value) =>
      count((other) => other < value) + (count((other) => other === value) - 1) / 2 - (values.length - 1) / 2,
  );
}
