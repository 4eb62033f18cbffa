import { expect, test } from 'vitest';
import { atOnce, inTurns } from '../../../src/shared/turns.ts';

function* counting(name: string, pieces: number, done: string[]): Generator<void, string> {
  for (let i = 0; i < pieces; i++) {
    done.push(`${name}${i}`);
    yield;
  }
  return name;
}

test('two works share the turns, and what the event loop has comes between', async () => {
  const done: string[] = [];
  const works = [inTurns(counting('a', 3, done)), inTurns(counting('b', 3, done))];
  // One immediate runs a turn; it counts what was done in the turns before it.
  const counts: number[] = [];
  const count = () => {
    counts.push(done.length);
    if (done.length < 6) setImmediate(count);
  };
  setImmediate(count);
  expect(await Promise.all(works)).toEqual(['a', 'b']);
  expect(done).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2']);
  const steps = counts.slice(1).map((value, i) => value - counts[i]!);
  expect(Math.max(...steps)).toBe(1);
});

test('in one go', () => {
  const done: string[] = [];
  expect(atOnce(counting('a', 3, done))).toBe('a');
  expect(done).toHaveLength(3);
});
