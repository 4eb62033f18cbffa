/** The gradient of a loss at a point. */
export type GradientAt = (point: Float32Array) => Promise<Float64Array>;

export type PowerOptions = {
  /** Of each of the two runs; 12 where left out. */
  readonly iterations?: number;
  /** Distance of the central differences, in the loss's parameters. */
  readonly step: number;
  /** Uniform in [0, 1); chooses where to begin. */
  readonly uniform: () => number;
};

/**
 * The largest eigenvalue of the Hessian by power iteration on central differences of gradients. Power iteration finds the eigenvalue
 * of largest size; where that is negative, a second run on H - mu I finds the largest. A lower bound that grows with `iterations`.
 */
export async function largestEigenvalue(
  gradientAt: GradientAt,
  point: Float32Array,
  options: PowerOptions,
): Promise<number> {
  const first = await powerIteration(gradientAt, point, options, 0);
  return first >= 0 ? first : first + (await powerIteration(gradientAt, point, options, first));
}

/** The eigenvalue of H - shift I of largest size, as the last Rayleigh quotient. */
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

/** Euclidean. */
export function norm(vector: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! ** 2;
  return Math.sqrt(sum);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/**
 * How much a group's loss can grow when the weights move by `distance`, to second order: |g| d + lambda d^2 / 2 (Das et al. 2024; papers'
 * R_a). Says nothing of activations that were exchanged.
 */
export function lossGrowthBound(gradientNorm: number, eigenvalue: number, distance: number): number {
  return gradientNorm * distance + 0.5 * eigenvalue * distance ** 2;
}

/** Spearman's rank correlation, ties sharing their mean rank; NaN for fewer than two, or where one side is all ties. */
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
