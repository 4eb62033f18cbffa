import { expect, test } from 'vitest';
import { finishTimes } from '../../../pipelines/cost/schedule.ts';

const times = (...tasks: Parameters<typeof finishTimes>[0]) => [...finishTimes(tasks)];

test('a resource does one task at a time, several resources work at once', () => {
  const a = { resource: 'a', seconds: 2, after: [] };
  expect(times(a, a, { ...a, resource: 'b' })).toEqual([2, 4, 2]);
});

test('a task starts when the news of those it waits for has come; the resource is free meanwhile', () => {
  const sent = { resource: 'wire', seconds: 1, after: [], lag: 10 };
  expect(times(sent, sent, { resource: 'a', seconds: 3, after: [0] })).toEqual([11, 12, 14]);
});

test('what is ready first is done first, of equals the earlier in the list', () => {
  const late = { resource: 'a', seconds: 5, after: [] };
  // 2 is ready at 5, 1 at 1: 1 goes first though 2 is no later in the list of what a resource has to do
  const tasks = [late, { resource: 'b', seconds: 1, after: [] }];
  expect(
    times(...tasks, { resource: 'c', seconds: 1, after: [0] }, { resource: 'c', seconds: 6, after: [1] }),
  ).toEqual([5, 1, 8, 7]);
});

test('behind: after its end, whatever the lag', () => {
  const first = { resource: 'wire', seconds: 1, after: [], lag: 10 };
  expect(times(first, { resource: 'a', seconds: 1, after: [], behind: [0] })).toEqual([11, 2]);
});

test('a task that waits for itself is an error, not a loop', () => {
  expect(() => times({ resource: 'a', seconds: 1, after: [0] })).toThrow(RangeError);
});
