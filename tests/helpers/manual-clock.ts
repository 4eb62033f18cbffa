import type { Clock } from '../../src/net/throttle.ts';

/** Time stands still but for `advance`. Milliseconds. */
export class ManualClock implements Clock {
  #now = 0;
  #calls: { time: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  at(time: number, callback: () => void): void {
    this.#calls.push({ time, callback });
  }

  /** To a time, calling what is due on the way, in order, and letting streams do what follows from it. */
  async advance(to: number): Promise<void> {
    await settled();
    for (;;) {
      const due = this.#calls.filter(({ time }) => time <= to).sort((a, b) => a.time - b.time)[0];
      if (due === undefined) break;
      this.#calls.splice(this.#calls.indexOf(due), 1);
      this.#now = Math.max(this.#now, due.time);
      due.callback();
      await settled();
    }
    this.#now = to;
  }
}

/** Several turns of the event loop: a chunk goes through a few streams. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}
