/** The largest absolute difference of two arrays of one length. */
export function maximumDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`lengths ${a.length} and ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference; // NaN counts as a difference
  }
  return largest;
}

/** The largest absolute difference over the largest size of the second array's values. */
export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return maximumDifference(a, b) / Array.from(b).reduce((largest, v) => Math.max(largest, Math.abs(v)), 0);
}
