import type { ReplacingKind } from '../../../models/graph.ts';
import type { Moments } from './moments.ts';

/** The polynomial c2 x^2 + c1 x + c0. */
export type Quadratic = { readonly c2: number; readonly c1: number; readonly c0: number };

/** The polynomial x. */
export const identityQuadratic: Quadratic = { c2: 0, c1: 1, c0: 0 };

/** The polynomial that a replaced element of each kind computes, given the coefficients of its channel. */
export const quadraticOf: { readonly [K in ReplacingKind]: (channel: Quadratic) => Quadratic } = {
  identity: () => identityQuadratic,
  poly: (channel) => channel,
};

export type DapaOptions = {
  /** The size of x for which the ridge weighs all coefficients alike. */
  readonly unit: number;
  /** Added to the diagonal of the normal equations. It keeps the coefficients small where x hardly varies. */
  readonly ridge: number;
};

/**
 * The quadratic p that minimises E[(y - p(x))^2] + ridge |coefficients of x / unit|^2. The distribution-aware
 * polynomial (DaPa) of AutoReP (Peng et al., ICCV 2023) is the case of a normal x, no ridge and y = ReLU(x).
 * Inputs of a first layer are far from normal, because most pixels of an image are background. With measured
 * moments the error of resnet8's stem on Fashion-MNIST is 3.8 % of E[y^2], and 14.4 % with those of a normal
 * distribution. With all ReLUs replaced 43 % of the answers are right before any training, and 10 % with the
 * latter.
 */
export function dapaCoefficients(moments: Moments, { unit, ridge }: DapaOptions): Quadratic {
  const { x, x2, x3, x4, y, xy, x2y } = moments;
  const [x1u, x2u, x3u, x4u] = [x / unit, x2 / unit ** 2, x3 / unit ** 3, x4 / unit ** 4];
  const [c0, c1, c2] = solve(
    [1 + ridge, x1u, x2u],
    [x1u, x2u + ridge, x3u],
    [x2u, x3u, x4u + ridge],
    [y, xy / unit, x2y / unit ** 2],
  );
  return { c2: c2 / unit ** 2, c1: c1 / unit, c0 };
}

/** The line p(x) = c1 x + c0 that minimises the same expression. */
export function affineCoefficients({ x, x2, y, xy }: Moments, { unit, ridge }: DapaOptions): Quadratic {
  const [x1u, x2u] = [x / unit, x2 / unit ** 2];
  const determinant = (1 + ridge) * (x2u + ridge) - x1u ** 2;
  const c1 = ((1 + ridge) * (xy / unit) - x1u * y) / determinant;
  return { c2: 0, c1: c1 / unit, c0: (y - x1u * c1) / (1 + ridge) };
}

/** The error E[(y - p(x))^2] of any quadratic p. */
export function polynomialError(moments: Moments, { c2, c1, c0 }: Quadratic): number {
  const { x, x2, x3, x4, y, xy, x2y, y2 } = moments;
  const square = c2 * c2 * x4 + 2 * c2 * c1 * x3 + (c1 * c1 + 2 * c2 * c0) * x2 + 2 * c1 * c0 * x + c0 * c0;
  return Math.max(0, y2 - 2 * (c2 * x2y + c1 * xy + c0 * y) + square); // rounding may leave a tiny negative
}

type Vector = readonly [number, number, number];

/** Solves a symmetric 3 x 3 system, given by its rows, by Cramer's rule. */
function solve(a: Vector, b: Vector, c: Vector, right: Vector): Vector {
  const columns = [cross(b, c), cross(c, a), cross(a, b)] as const;
  const determinant = dot(a, columns[0]);
  const at = (i: 0 | 1 | 2) => dot(right, [columns[0][i], columns[1][i], columns[2][i]]) / determinant;
  return [at(0), at(1), at(2)];
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
