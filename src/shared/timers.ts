export type Timer = ReturnType<typeof setTimeout>;

/** A timer that does not keep the process alive. In a browser, where nothing does, it is a usual one. */
export function idleTimer(work: () => void, milliseconds: number): Timer {
  const timer: unknown = setTimeout(work, milliseconds);
  (timer as { unref?: () => void }).unref?.();
  return timer as Timer;
}
