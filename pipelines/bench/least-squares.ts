/**
 * Returns x >= 0 with the smallest sum of squared *relative* errors of rows x = values. It uses coordinate
 * descent, which is exact enough for a handful of unknowns whose rows differ.
 */
export function nonNegativeLeastSquares(
  rows: readonly (readonly number[])[],
  values: readonly number[],
): number[] {
  const scaled = rows.map((row, i) => row.map((entry) => entry / values[i]!));
  const x = rows[0]!.map(() => 0);
  for (let sweep = 0; sweep < 20_000; sweep++) {
    for (const j of x.keys()) {
      let [top, bottom] = [0, 0];
      for (const row of scaled) {
        const rest = row.reduce((sum, entry, k) => sum - (k === j ? 0 : entry * x[k]!), 1);
        top += row[j]! * rest;
        bottom += row[j]! ** 2;
      }
      x[j] = Math.max(0, top / bottom);
    }
  }
  return x;
}
