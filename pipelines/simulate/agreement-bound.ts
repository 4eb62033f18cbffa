/** The confidence with which an agreement is said to be at least so large. */
export const confidence = 0.95;

/** Whether an agreement can be asked for. It is a share below one: none can be shown to be one. */
export function isAgreement(share: number): boolean {
  return share >= 0.5 && share <= 0.9999;
}

/** What `isAgreement` takes, in words. */
export const agreementRange = 'from 0.5 to 0.9999';

/**
 * The share of all images that agrees at least, with the confidence, if `agree` of `n` images drawn from them
 * do: the lower bound of Clopper and Pearson (Biometrika 1934), one-sided. 299 of 299 show 99 %.
 */
export function leastShare(agree: number, n: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 50; step++) {
    const differing = (low + high) / 2;
    // With this share of differing images, so few of them or fewer are found more often than by the rest.
    if (atMost(n - agree, n, differing) > 1 - confidence) low = differing;
    else high = differing;
  }
  return 1 - high;
}

/** The fewest images that can show an agreement, when all of them agree. */
export function fewestImages(agreement: number): number {
  return Math.ceil(Math.log(1 - confidence) / Math.log(agreement));
}

/** The probability of at most `count` of `n` independent events of probability `p`. */
function atMost(count: number, n: number, p: number): number {
  let [logTerm, sum] = [n * Math.log1p(-p), 0];
  for (let k = 0; k <= count && k <= n; k++) {
    sum += Math.exp(logTerm);
    logTerm += Math.log(((n - k) / (k + 1)) * (p / (1 - p)));
  }
  return Math.min(1, sum);
}
