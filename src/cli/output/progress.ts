import { Presets, SingleBar } from 'cli-progress';
import type { OnProgress, ProgressEvent } from '../../shared/progress.ts';
import { duration } from '../../shared/format.ts';

/** Shows jobs as they run; `stop` clears an unfinished bar before something else is printed. */
export type ProgressView = { readonly onProgress: OnProgress; stop(): void };

export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** A bar with ETA on a terminal; elsewhere a line now and then. */
export function progressView(stream: ProgressStream, now: () => number = Date.now): ProgressView {
  return stream.isTTY ? barView(stream) : lineView(stream, now);
}

function barView(stream: NodeJS.WritableStream): ProgressView {
  let label: string | undefined;
  let bar: SingleBar | undefined;
  const stop = () => {
    bar?.stop();
    bar = label = undefined;
  };
  const onProgress = (event: ProgressEvent) => {
    const payload = { label: event.label, note: event.note ?? '' };
    if (event.label !== label) {
      stop();
      label = event.label;
      bar = newBar(stream);
      bar.start(event.total, event.done, payload);
    } else if (bar) {
      bar.setTotal(event.total);
      bar.update(event.done, payload);
    }
    if (event.done >= event.total) stop();
  };
  return { onProgress, stop };
}

function newBar(stream: NodeJS.WritableStream): SingleBar {
  return new SingleBar(
    {
      stream,
      format: '  {label} {bar} {percentage} %  ETA {eta_formatted}  {note}',
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      etaBuffer: 50,
      linewrap: null,
    },
    Presets.shades_classic,
  );
}

/** Milliseconds between two lines of one job where there is no terminal. */
const lineInterval = 5000;

function lineView(stream: NodeJS.WritableStream, now: () => number): ProgressView {
  let job: { label: string; started: number; printed: number } | undefined;
  const onProgress = (event: ProgressEvent) => {
    const time = now();
    if (job?.label !== event.label) job = { label: event.label, started: time, printed: time };
    const finished = event.done >= event.total;
    const long = time - job.started >= lineInterval;
    if (time - job.printed >= lineInterval || (finished && long)) {
      job.printed = time;
      stream.write(`${progressLine(event, (time - job.started) / 1000)}\n`);
    }
    if (finished) job = undefined;
  };
  return { onProgress, stop: () => undefined };
}

/** 'training: 40 %, loss 0.31, 12.0 s so far, about 18.0 s left' */
export function progressLine({ label, done, total, note }: ProgressEvent, elapsed: number): string {
  const share = total > 0 ? done / total : 1;
  const left = share > 0 && share < 1 ? `about ${duration(elapsed * (1 / share - 1))} left` : '';
  const parts = [`${Math.floor(100 * share)} %`, note ?? '', `${duration(elapsed)} so far`, left];
  return `${label}: ${parts.filter((part) => part !== '').join(', ')}`;
}
