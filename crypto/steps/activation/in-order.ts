/** Work on batches that come and go in one order, several at once. */

/** Makes something of each of `count` batches, `atOnce` at a time, and uses them one after the other. */
export async function usedInOrder<T>(
  count: number,
  atOnce: number,
  make: (batch: number) => Promise<T>,
  use: (made: T) => Promise<void>,
): Promise<void> {
  const making: Promise<T>[] = [];
  for (let next = 0; next < count || making.length > 0;) {
    if (next < count && making.length < atOnce) making.push(unheard(make(next++)));
    else await use(await making.shift()!);
  }
}

/**
 * Takes what belongs to each batch, one after the other, while earlier ones are in work: the promise that
 * `take` returns a function for. At most `atOnce` are. It ends when all of them have, whether it fails or
 * not.
 */
export async function takenInOrder<Batch, T>(
  batches: readonly Batch[],
  atOnce: number,
  take: (batch: Batch) => Promise<() => Promise<T>>,
): Promise<T[]> {
  const made: Promise<T>[] = [];
  try {
    for (const batch of batches) {
      const work = await take(batch);
      made.push(unheard(work()));
      await made.at(-atOnce);
    }
  } finally {
    await Promise.allSettled(made);
  }
  return Promise.all(made);
}

/** Whoever waits for it later meets its failure. */
function unheard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
