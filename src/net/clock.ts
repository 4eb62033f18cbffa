/** A clock that calls back; milliseconds. */
export type Clock = {
  now(): number;
  /** Calls `callback` at `time` or later: 'exactly' as soon as the event loop can, 'about' a millisecond late at times. */
  at(time: number, callback: () => void, precision: 'exactly' | 'about'): void;
};

/** Node's timers count whole milliseconds and come up to one late; the last two before an exact time are spent in the event loop. */
const timerError = 2;

export const systemClock: Clock = {
  now: () => performance.now(),
  at: (time, callback, precision) => {
    const wait = time - performance.now();
    if (precision === 'about') setTimeout(callback, Math.max(0, Math.ceil(wait)));
    else if (wait > timerError)
      setTimeout(() => systemClock.at(time, callback, precision), wait - timerError);
    else if (wait > 0) setImmediate(() => systemClock.at(time, callback, precision));
    else callback();
  },
};
