/** Resolves on Ctrl-C, and when the parent process ends if it opened a channel to this one. */
export function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve());
    process.once('disconnect', () => resolve());
  });
}
