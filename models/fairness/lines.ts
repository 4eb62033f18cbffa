/** The networks of each line of a report, by number; they differ only in their seed. */
export type Lines = readonly (readonly number[])[];

/**
 * Averages the estimates of the networks of each line, number by number. A figure that is not linear, such as
 * a gap, is computed for each network and then averaged.
 */
export function averagedLines<T>(networks: readonly T[], lines: Lines): T[] {
  return lines.map((line) => averageOf(line.map((n) => networks[n]!)));
}

/**
 * Draws networks for each line with replacement, one fewer than the line has. The drawn means then spread as
 * a mean over S seeds does, s^2 / S; drawing S of S would understate that by (S - 1) / S (Rao and Wu 1988). A
 * line of one network stays as it is.
 */
export function redrawn(lines: Lines, draw: (n: number) => number): Lines {
  return lines.map((line) =>
    line.length === 1 ? line : Array.from({ length: line.length - 1 }, () => line[draw(line.length)]!),
  );
}

/** The average of values of the same form: numbers in any nesting of lists and objects. */
function averageOf<T>(values: readonly T[]): T {
  return (values.length === 1 ? values[0] : average(values)) as T;
}

function average(values: readonly unknown[]): unknown {
  const [first] = values;
  if (typeof first === 'number') return (values as number[]).reduce((a, b) => a + b, 0) / values.length;
  const inner = (key: string | number) =>
    average(values.map((value) => (value as Record<string | number, unknown>)[key]));
  if (Array.isArray(first)) return first.map((_, i) => inner(i));
  return Object.fromEntries(Object.keys(first as object).map((key) => [key, inner(key)]));
}
