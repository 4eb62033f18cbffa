import { PassThrough } from 'node:stream';
import { expect, describe, test } from 'vitest';
import { figuresText, workText } from '../../../../src/cli/output/progress-words.ts';
import { progressLine, progressView } from '../../../../src/cli/output/progress.ts';
import { phases, within, workKey } from '../../../../src/shared/progress.ts';
import type { ProgressEvent, TrainingProgress } from '../../../../src/shared/progress.ts';

const evaluation = (done: number): ProgressEvent => ({ phase: 'evaluation', done, total: 10 });

const training = (epoch: number, step: number): TrainingProgress => ({
  ...{ epoch, epochs: 4, step, steps: 10 },
  ...{ loss: 0.5, imagesPerSecond: 412.3 },
});

const fineTuning = (epoch: number, step: number): ProgressEvent => ({
  ...{ phase: 'fine-tuning', done: 10 * (epoch - 1) + step, total: 40 },
  training: training(epoch, step),
});

/** What is shown of events at times in seconds. */
async function shown(isTTY: boolean, ticks: readonly (readonly [number, ProgressEvent])[]): Promise<string> {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 200 });
  let time = 0;
  const view = await progressView(stream, () => 1000 * time);
  for (const [seconds, event] of ticks) {
    time = seconds;
    view.onProgress(event);
  }
  view.stop();
  return String((stream.read() as Buffer | null) ?? '');
}

describe('off a terminal', () => {
  test('what takes no more than two seconds prints nothing', async () => {
    const ticks = [0, 5, 10].map((done) => [0.19 * done, evaluation(done)] as const);
    expect(await shown(false, ticks)).toBe('');
  });

  test('what takes longer prints a line after two seconds, then every five, and its end', async () => {
    const ticks = [0, 1, 2, 3, 6, 7, 10].map((done) => [done, evaluation(done)] as const);
    expect((await shown(false, ticks)).trimEnd().split('\n')).toEqual([
      'evaluating: 20 %, 2.0 s so far, about 8.0 s left',
      'evaluating: 70 %, 7.0 s so far, about 3.0 s left',
      'evaluating: 100 %, 10.0 s so far',
    ]);
  });

  test('a training has one clock for all its epochs', async () => {
    const ticks = [
      [0, fineTuning(1, 1)],
      [9, fineTuning(1, 10)],
      [19, fineTuning(2, 10)],
    ] as const;
    expect((await shown(false, ticks)).trimEnd().split('\n')).toEqual([
      'fine-tuning, epoch 1 of 4: 25 %, loss 0.500, 412 images/s, 9.0 s so far, about 30.0 s left',
      'fine-tuning, epoch 2 of 4: 50 %, loss 0.500, 412 images/s, 19.0 s so far, about 20.0 s left',
    ]);
  });

  test('one that goes on from a checkpoint is timed by what it does itself', async () => {
    const text = await shown(false, [
      [0, fineTuning(3, 1)],
      [9, fineTuning(3, 10)],
    ]);
    expect(text).toContain('75 %');
    expect(text).toContain('about 10.0 s left');
  });

  test('works whose ticks alternate keep their clocks; the same work once more has a new one', async () => {
    const job = (of: string, done: number) => {
      const events: ProgressEvent[] = [];
      within({ phase: 'sweep-job', of }, (event) => void events.push(event))(evaluation(done));
      return events[0]!;
    };
    const alternate = await shown(false, [
      [0, job('a', 0)],
      [0.5, job('b', 0)],
      [1, job('a', 2)],
      [3, job('b', 5)],
      [3.5, job('a', 7)],
      [4, job('a', 1)],
      [6.5, job('a', 6)],
    ]);
    expect(alternate.trimEnd().split('\n')).toEqual([
      'b, evaluating: 50 %, 2.5 s so far, about 2.5 s left',
      'a, evaluating: 70 %, 3.5 s so far, about 1.5 s left',
      'a, evaluating: 60 %, 2.5 s so far, about 2.0 s left',
    ]);
  });
});

describe('on a terminal', () => {
  test('a bar for each work, with the time left where it takes over two seconds', async () => {
    const text = await shown(true, [
      [0, evaluation(0)],
      [1, evaluation(1)],
      [1.5, evaluation(10)],
      [1.5, fineTuning(1, 1)],
      [10.5, fineTuning(1, 10)],
    ]);
    expect(text).toContain('evaluating');
    expect(text).toContain('fine-tuning, epoch 1 of 4');
    expect(text.match(/about .*? left/g)).toEqual(['about 30.0 s left']);
  });
});

describe('words', () => {
  test('every phase has its own', () => {
    const texts = phases.map((phase) =>
      workText({ phase, of: phase, number: 2, count: 3, done: 0, total: 1 }),
    );
    expect(new Set(texts).size).toBe(phases.length);
    for (const text of texts) expect(text).not.toMatch(/undefined|^$/);
  });

  test('say what the work is a part of', () => {
    const wholes = [{ phase: 'sweep-job', of: 'snl 0.5 seed 1' }, { phase: 'without-mitigation' }] as const;
    expect(workText({ ...fineTuning(2, 5), within: wholes })).toBe(
      'snl 0.5 seed 1, without mitigation, fine-tuning, epoch 2 of 4',
    );
  });

  test('the figures are of the work, or of the job of a sweep that has told last', () => {
    expect(figuresText({ phase: 'download', of: 'a.gz', done: 2.5e6, total: 5e6 })).toBe('2.5 MB');
    expect(figuresText({ phase: 'criticality', done: 1, total: 3, now: 'S2' })).toBe('S2');
    const parts = { over: 1, count: 3, latest: fineTuning(1, 5) };
    expect(figuresText({ phase: 'sweep', done: 1, total: 3, parts })).toBe(
      '1 of 3 jobs done, fine-tuning, epoch 1 of 4, loss 0.500, 412 images/s',
    );
    expect(figuresText({ phase: 'sweep', done: 1, total: 3, parts: { over: 1, count: 3 } })).toBe(
      '1 of 3 jobs done',
    );
  });

  test('nothing is estimated where nothing is done yet', () => {
    expect(progressLine({ phase: 'wait-for-base', done: 0, total: 1 }, 7)).toBe(
      'waiting for another job that trains the same network: 0 %, 7.0 s so far',
    );
  });
});

test('a work is the same in all its epochs, and another on another network or in another job', () => {
  const key = workKey(fineTuning(1, 1));
  expect(workKey(fineTuning(3, 2))).toBe(key);
  expect(workKey({ ...fineTuning(1, 1), of: 'S1' })).not.toBe(key);
  expect(workKey({ ...fineTuning(1, 1), within: [{ phase: 'sweep-job', of: 'a' }] })).not.toBe(key);
});
