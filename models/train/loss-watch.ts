/**
 * How far the loss of most steps may rise over the smallest before it, or over 1. At a usual rate the steps
 * of an epoch differ by a factor of 10. A small ResNet at a rate of 1000 wanders between 10^2 and 10^18.
 */
const growth = 100;

/**
 * The largest mean of a loss at the end. Above it are polynomials that some images overflow: logits are as
 * large as the loss. Until then a few such steps may pass, because training goes on from them.
 */
const largest = 1e9;

/**
 * Makes the judge of a training's epochs: from the losses of an epoch's steps it tells whether the training
 * has diverged, though its losses are numbers. Only the second half of the steps counts, because networks
 * whose ReLUs are just replaced may start badly.
 */
export function watchLosses(): (losses: readonly number[], isLastEpoch: boolean) => boolean {
  let smallest = Infinity;
  return (losses, isLastEpoch) => {
    smallest = losses.reduce((least, loss) => Math.min(least, loss), smallest);
    const late = losses.slice(Math.floor(losses.length / 2)).sort((a, b) => a - b);
    const median = late[Math.floor((late.length - 1) / 2)] ?? 0;
    const mean = late.reduce((sum, loss) => sum + loss, 0) / late.length;
    return median > growth * Math.max(1, smallest) || (isLastEpoch && mean > largest);
  };
}
