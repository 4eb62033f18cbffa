import type * as Bars from 'cli-progress';
import type { SingleBar } from 'cli-progress';
import { workKey } from '../../shared/progress.ts';
import type { OnProgress, ProgressEvent } from '../../shared/progress.ts';
import { duration } from '../../shared/format.ts';
import { figuresText, workText } from './progress-words.ts';

/** Shows the progress of work. `stop` clears an unfinished bar before something else is printed. */
export type ProgressView = { readonly onProgress: OnProgress; stop(): void };

export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** A bar with the time left on a terminal, else a line every few seconds. `now` is in milliseconds. */
export async function progressView(
  stream: ProgressStream,
  now: () => number = Date.now,
): Promise<ProgressView> {
  // Only a terminal loads the bars.
  return stream.isTTY ? barView(await import('cli-progress'), stream, now) : lineView(stream, now);
}

/** Milliseconds before the first line and the first estimate of a work; shorter work gets neither. */
const shortest = 2000;

/** The times of one work. */
type Clock = {
  readonly started: number;
  /** What was done at the first event: a training that continues a checkpoint does not begin at 0. */
  readonly first: number;
  /** What was done at the latest event. */
  done: number;
  /** When the next line is due. */
  next: number;
};

/** The clocks of several works whose events may alternate. */
class Clocks {
  readonly #clocks = new Map<string, Clock>();

  /** The clock of the event's work; a new one when the work begins or begins again. */
  of(event: ProgressEvent, time: number): Clock {
    const known = this.#clocks.get(workKey(event));
    const clock =
      known !== undefined && event.done >= known.done
        ? known
        : { started: time, first: event.done, done: event.done, next: time + shortest };
    clock.done = event.done;
    if (event.done < event.total) this.#clocks.set(workKey(event), clock);
    else this.#clocks.delete(workKey(event));
    return clock;
  }
}

/** Seconds until the work is done at the pace so far; undefined if there is no pace yet or nothing left. */
function secondsLeft({ done, total }: ProgressEvent, first: number, elapsed: number): number | undefined {
  return done > first && done < total ? (elapsed * (total - done)) / (done - first) : undefined;
}

function barView(bars: typeof Bars, stream: NodeJS.WritableStream, now: () => number): ProgressView {
  const clocks = new Clocks();
  let shown: Clock | undefined;
  let bar: SingleBar | undefined;
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  const onProgress = (event: ProgressEvent) => {
    const time = now();
    const clock = clocks.of(event, time);
    if (clock !== shown) stop();
    shown = clock;
    const elapsed = time - clock.started;
    const left = elapsed < shortest ? undefined : secondsLeft(event, clock.first, elapsed / 1000);
    const payload = {
      work: workText(event),
      left: left === undefined ? '' : `about ${duration(left)} left`,
      figures: figuresText(event),
    };
    if (bar === undefined) {
      bar = newBar(bars, stream);
      bar.start(event.total, event.done, payload);
    } else {
      bar.setTotal(event.total);
      bar.update(event.done, payload);
    }
    if (event.done >= event.total) stop();
  };
  return { onProgress, stop };
}

function newBar({ SingleBar, Presets }: typeof Bars, stream: NodeJS.WritableStream): SingleBar {
  return new SingleBar(
    {
      stream,
      format: '  {work} {bar} {percentage} %  {left}  {figures}',
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      linewrap: null,
    },
    Presets.shades_classic,
  );
}

/** Milliseconds between two lines of one work without a terminal. */
const lineInterval = 5000;

function lineView(stream: NodeJS.WritableStream, now: () => number): ProgressView {
  const clocks = new Clocks();
  const onProgress = (event: ProgressEvent) => {
    const time = now();
    const clock = clocks.of(event, time);
    const elapsed = time - clock.started;
    const isLast = event.done >= event.total && elapsed >= shortest;
    if (time < clock.next && !isLast) return;
    clock.next = time + lineInterval;
    stream.write(`${progressLine(event, elapsed / 1000, clock.first)}\n`);
  };
  return { onProgress, stop: () => undefined };
}

/** 'training, epoch 2 of 5: 40 %, loss 0.31, 12.0 s so far, about 18.0 s left' */
export function progressLine(event: ProgressEvent, elapsed: number, first = 0): string {
  const { done, total } = event;
  const left = secondsLeft(event, first, elapsed);
  const parts = [
    `${Math.floor(100 * (total > 0 ? done / total : 1))} %`,
    figuresText(event),
    `${duration(elapsed)} so far`,
    left === undefined ? '' : `about ${duration(left)} left`,
  ];
  return `${workText(event)}: ${parts.filter((part) => part !== '').join(', ')}`;
}
