/**
 * The number of counts that are planned, the first ones aimed by the price and the others by halving. A count
 * is close enough if at most this share of it could be added.
 */
export const mostTries = 8;
const byPrice = 3;
const closeEnough = 0.002;

export type Counts = {
  /** The count to begin with, and the largest count. */
  readonly first: number;
  readonly total: number;
  readonly limit: number;
  /** The approximate cost of one more. */
  readonly price: number;
};

/**
 * Searches for the largest count whose cost is at most `limit`. Returns undefined if no count is cheap
 * enough, not even 0. `costAt` should grow with the count, with few exceptions.
 */
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
