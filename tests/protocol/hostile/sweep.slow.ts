import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { seededRng } from '../../helpers/rng.ts';
import { baseTransfers } from './base-transfers.ts';
import { record } from './parties.ts';
import type { Side } from './parties.ts';
import { planFault, strangePlan } from './plan-fuzz.ts';
import { isNear, meanAnswer } from './mean-answer.ts';
import { recordedSessions } from './recorded.ts';
import { allMutations, attack } from './run.ts';

/** All cases; `npm run test:hostile`. The quick part is in-process.test.ts. */
const sides: readonly Side[] = ['client', 'server'];
const session = recordedSessions(2);

test.each(sides)('every frame, every mutation, 150 flips a frame: the %s', async (side) => {
  const { parties, transcript, other } = session();
  const cases = allMutations(side, transcript, other, seededRng(`sweep ${side}`), 150);
  expect(cases.length).toBeGreaterThan(1300);
  expect(await attack(parties[side], cases)).toEqual([]);
  const { answer } = await record(parties);
  expect(isNear(answer, await meanAnswer()), answer.join(' ')).toBe(true);
});

test.each(sides)('base transfers, 100 flips a frame: the %s', async (side) => {
  const base = baseTransfers('this');
  const [own, others] = [await record(base), await record(baseTransfers('another'))];
  const cases = allMutations(side, own.transcript, others.transcript, seededRng(`base sweep ${side}`), 100);
  expect(await attack(base[side], cases)).toEqual([]);
});

test('20,000 plans with strange values are refused or can be run', async () => {
  const rng = seededRng('plan sweep');
  const faults: string[] = [];
  for (let i = 0; i < 20_000; i++) {
    const fault = await planFault(strangePlan(rng));
    if (fault !== undefined) faults.push(fault);
  }
  expect(faults).toEqual([]);
});

/** Resident bytes, WASM heaps of the pool's threads included, after collecting this thread's garbage. */
function resident(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().rss;
}

/**
 * A forgotten ciphertext takes 130 KB: one in every case would be 65 MB. Objects are counted one by one in
 * tests/crypto/he/freed.test.ts.
 */
test('500 refused sessions leave no memory behind', async () => {
  const { parties, transcript, other } = session();
  const cases = allMutations('server', transcript, other, seededRng('memory'), 5).filter(
    (_, i) => i % 2 === 0,
  );
  await attack(parties.server, cases);
  const before = resident();
  for (let done = 0; done < 500; done += cases.length) await attack(parties.server, cases);
  expect(resident() - before).toBeLessThan(40e6);
});
