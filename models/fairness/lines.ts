/** Which networks make up each line of a report: numbers of networks that differ in their seed alone. */
export type Lines = readonly (readonly number[])[];

/** A network made with every seed: the mean of the estimates, number by number. What is no linear figure, such as a gap, is that of each network, averaged. */
export function averagedLines<T>(networks: readonly T[], lines: Lines): T[] {
  return lines.map((line) => averageOf(line.map((n) => networks[n]!)));
}

/**
 * Networks drawn anew for each line, with replacement: one fewer than it has. So the spread of the drawn means is that of a mean over
 * seeds, s^2 / S, which S draws of S would understate by (S - 1) / S (Rao and Wu 1988). A line of one network stays.
 */
export function redrawn(lines: Lines, draw: (n: number) => number): Lines {
  return lines.map((line) =>
    line.length === 1 ? line : Array.from({ length: line.length - 1 }, () => line[draw(line.length)]!),
  );
}

/** Of values of the same form, numbers in any nesting of lists and objects. */
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
