import { expect, test } from 'vitest';
import { sampleScores } from '../../../models/fairness/metrics.ts';
import { chooseThresholds, compareModels } from '../../../pipelines/fairness/compare.ts';
import { logitAdjustment, shiftedAnswers, thresholdShift } from '../../../pipelines/fairness/shifts.ts';
import type { ProgressEvent } from '../../../src/shared/progress.ts';
import { bars, barsOrNone } from '../../helpers/data/data.ts';
import { barResnet } from '../../helpers/networks/networks.ts';

test('progress counts over all networks, those of other seeds too, so that what is left can be told', async () => {
  const events: ProgressEvent[] = [];
  await compareModels(
    [
      { name: 'original', model: barResnet(1) },
      { name: 'reduced', model: barResnet(2), repeats: [barResnet(3)] },
    ],
    bars(50, 1),
    { resamples: 100, onProgress: (event) => events.push(event) },
  );
  const evaluated = events.filter(({ phase }) => phase === 'evaluation');
  const done = evaluated.map((event) => event.done);
  expect(done).toEqual(done.toSorted((a, b) => a - b));
  expect(evaluated.at(-1)).toMatchObject({ done: 3, total: 3, now: 'reduced (2 of 2)' });
  expect(new Set(evaluated.map(({ now }) => now))).toEqual(
    new Set(['original', 'reduced (1 of 2)', 'reduced (2 of 2)']),
  );
});

test('a network against itself loses nothing in any group', async () => {
  const network = barResnet(1);
  const { groups, gap } = await compareModels(
    [
      { name: 'a', model: network },
      { name: 'b', model: network },
    ],
    bars(60, 1),
    { resamples: 100 },
  );
  expect(groups.map(({ models }) => models[1]!.drop)).toEqual(groups.map(() => 0));
  expect(gap.models[1]!.allWidening).toBe(0);
});

test('logits are adjusted by the shares of classes: a rare class wins ties, equal shares change no answer', () => {
  const logits = Float32Array.of(2, 1, 2, -1);
  const answers = { model: 'net', outcomes: { logits, classes: 2, labels: [1, 0] } };
  const adjusted = shiftedAnswers(answers, logitAdjustment([0.9, 0.1]), 0);
  expect(adjusted.model).toBe('net, adjusted');
  // The classes are 9 to 1: ln 9 = 2.197 turns a lead of 1 and not one of 3.
  expect([...sampleScores.accuracy(answers.outcomes)]).toEqual([0, 1]);
  expect([...sampleScores.accuracy(adjusted.outcomes)]).toEqual([1, 1]);
  const same = shiftedAnswers(answers, logitAdjustment([0.5, 0.5]), 0).outcomes;
  expect([...sampleScores.accuracy(same)]).toEqual([0, 1]);
  expect(() => shiftedAnswers(answers, logitAdjustment([1]), 0)).toThrow(/adjusted: expected 2 numbers/);
});

test('each network of a line has a threshold of its own, chosen on the images that are given', async () => {
  const two = barsOrNone(60, 2);
  const models = [{ name: 'a', model: barResnet(1, 2), repeats: [barResnet(2, 2)] }];
  const thresholds = await chooseThresholds(models, two, { positive: 1, goal: 'balanced' });
  const shift = thresholdShift(thresholds, 1);
  expect(thresholds[0]).toHaveLength(2);
  expect(thresholds[0]![0]).not.toBe(thresholds[0]![1]);
  expect(shift.of(0, 1)).toEqual([0, -thresholds[0]![1]!]);
  expect(thresholdShift(thresholds, 0).of(0, 0)).toEqual([-thresholds[0]![0]!, 0]);
  const logits = Float32Array.of(0, 2, 0, 2);
  const line = { model: 'a', outcomes: { logits, classes: 2, labels: [0, 1] } };
  const stricter = shiftedAnswers(line, thresholdShift([[3]], 1), 0);
  expect(stricter.model).toBe('a, threshold');
  expect([...sampleScores.accuracy(stricter.outcomes)]).toEqual([1, 0]);
});
