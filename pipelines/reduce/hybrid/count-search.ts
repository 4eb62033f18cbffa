/** Counts that are planned before the best of them is taken: by the price at first, then halving. A limit is met to this share of a count or from below. */
export const mostTries = 8;
const byPrice = 3;
const closeEnough = 0.002;

export type Counts = {
  /** Where to begin, and the most there are. */
  readonly first: number;
  readonly total: number;
  readonly limit: number;
  /** What one more costs, about. */
  readonly price: number;
};

/** About the largest count whose cost is at most `limit`; undefined where none was found, 0 among them. `costAt` hardly falls with the count. */
export async function mostWithin(
  costAt: (count: number) => Promise<number>,
  { first, total, limit, price }: Counts,
): Promise<number | undefined> {
  let [low, high] = [-1, total + 1];
  let count = Math.max(0, Math.min(total, first));
  for (let tries = 0; tries < mostTries && high - low > 1; tries++) {
    const spare = limit - (await costAt(count));
    if (spare >= 0) low = count;
    else high = count;
    const more = Math.floor(spare / price);
    if (more >= 0 && more <= closeEnough * count) break;
    count = Math.max(0, Math.min(total, count + more));
    if (tries + 1 >= byPrice || !(count > low && count < high)) count = Math.floor((low + high) / 2);
  }
  if (low >= 0) return low;
  return high > 0 && (await costAt(0)) <= limit ? 0 : undefined;
}
