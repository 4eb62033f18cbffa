/** Resolves on Ctrl-C, and when the parent process ends if it opened a channel to this one. */
export function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.off('disconnect', stop);
      resolve();
    };
    signal.addEventListener('abort', stop, { once: true });
    process.once('disconnect', stop);
  });
}
