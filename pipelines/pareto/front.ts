/**
 * The points that no other point dominates. A point dominates another if it is at most as high in every cost
 * and lower in at least one. Of equal points all stay.
 */
export function paretoFront<T>(points: readonly T[], costsOf: (point: T) => readonly number[]): T[] {
  const costs = points.map(costsOf);
  return points.filter((_, i) => !costs.some((other) => beats(other, costs[i]!)));
}

function beats(other: readonly number[], own: readonly number[]): boolean {
  return other.every((cost, i) => cost <= own[i]!) && other.some((cost, i) => cost < own[i]!);
}
