import { ConnectionError, RefusedError } from '../shared/errors.ts';

/** Seconds: the first wait, and the longest between two tries of a peer that names no time itself. */
const [firstWait, longestWait] = [0.5, 10];

export type RetryOptions = {
  /**
   * Seconds for which a call tries again, in all, when the server refuses for now or cannot be reached and
   * nothing was spent (default: 0).
   */
  readonly retrySeconds?: number;
  /** Called before each wait, with the reason and the seconds. */
  readonly onRetry?: (reason: Error, seconds: number) => void;
};

/**
 * Tries again, for at most `retrySeconds` in all, while the peer refuses for now or cannot be reached. Both
 * spend nothing. Waits grow twofold and are random in part, so that clients which were cut off together do
 * not come back together. `wakeSeconds` (default: no limit) is the longest single wait: a peer that hears
 * nothing for long ends the session.
 */
export async function retried<T>(
  { retrySeconds = 0, onRetry }: RetryOptions,
  work: () => Promise<T>,
  wakeSeconds: number = Infinity,
): Promise<T> {
  const end = performance.now() + 1000 * retrySeconds;
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const wait = secondsToWait(error, tries);
      if (wait === undefined || performance.now() + 1000 * wait > end) throw error;
      onRetry?.(error as Error, wait);
      await slept(Math.min(wait, wakeSeconds));
    }
  }
}

/** Undefined where another try cannot help. */
function secondsToWait(error: unknown, tries: number): number | undefined {
  const grown = Math.min(firstWait * 2 ** tries, longestWait) * (0.5 + 0.5 * Math.random());
  if (error instanceof ConnectionError) return grown;
  if (!(error instanceof RefusedError) || error.retryAfter === undefined) return undefined;
  return Math.max(grown, error.retryAfter);
}

function slept(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}
