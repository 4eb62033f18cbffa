import type { Comparison } from './comparison.ts';

/**
 * Where the planes of a comparison lie. Keys and strings: the planes of all transfers, one transfer after the
 * other. A party's tables: those of the digits, then the results of strings, which are keys of the products
 * and keep their places.
 */
export type Layout = {
  /** The first key plane of each transfer. */
  readonly keyAt: readonly number[];
  /** Planes of all keys of one kind, and of all strings. */
  readonly keyPlanes: number;
  /** The first key plane of the products: those before belong to stages. */
  readonly productAt: number;
  /** The first plane of each table, among the tables. */
  readonly tableAt: readonly number[];
  /** Planes of the digits' tables. */
  readonly digitPlanes: number;
  /** Planes of all tables. */
  readonly tablePlanes: number;
};

const made = new WeakMap<Comparison, Layout>();

export function layoutOf(comparison: Comparison): Layout {
  let layout = made.get(comparison);
  if (layout === undefined) {
    layout = makeLayout(comparison);
    made.set(comparison, layout);
  }
  return layout;
}

function makeLayout({ digits, tables, transfers, strings }: Comparison): Layout {
  const keyAt = sumsBefore(transfers.map(({ keyBits }) => keyBits));
  const stages = digits.reduce((sum, { width }) => sum + width, 0);
  const ofDigits = tables.length - strings.length;
  const sizes = tables.slice(0, ofDigits).map(({ digit }) => 2 ** digits[digit]!.width);
  const digitAt = sumsBefore(sizes);
  const digitPlanes = digitAt[ofDigits]!;
  const productAt = keyAt[stages]!;
  const keyPlanes = keyAt[transfers.length]!;
  const results = strings.map(({ transfer, keyBit }) => digitPlanes + keyAt[transfer]! + keyBit - productAt);
  return {
    ...{ keyAt: keyAt.slice(0, -1), keyPlanes, productAt, digitPlanes },
    tableAt: [...digitAt.slice(0, -1), ...results],
    tablePlanes: digitPlanes + keyPlanes - productAt,
  };
}

/** The sum of the values before each place, and that of all at the end. */
function sumsBefore(values: readonly number[]): number[] {
  const sums = [0];
  for (const value of values) sums.push(sums.at(-1)! + value);
  return sums;
}
