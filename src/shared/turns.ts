let last: Promise<void> = Promise.resolve();

/**
 * Resolves in a later turn of the event loop, each call in one of its own. What sockets and timers have is
 * then done between two pieces of work, however many wait.
 */
export function nextTurn(): Promise<void> {
  return (last = last.then(() => new Promise<void>(soon)));
}

/** Browsers have no setImmediate, and the page is compiled without Node's names. */
const { setImmediate: immediately } = globalThis as { setImmediate?: (work: () => void) => unknown };

function soon(resolve: () => void): void {
  if (immediately !== undefined) immediately(resolve);
  else setTimeout(resolve, 0);
}

/** Runs work that yields between its pieces, each piece in a turn of its own. */
export async function inTurns<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    await nextTurn();
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** Runs such work in one go. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
