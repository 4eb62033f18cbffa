import { expect, test } from 'vitest';
import { serialisePlan } from '../../../pipelines/plan/codec.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { convolution } from '../../helpers/protocol/convolution.ts';
import { seededRng } from '../../helpers/rng.ts';
import { tinyPlan } from '../../helpers/networks/networks.ts';
import { baseTransfers } from './base-transfers.ts';
import { record, against } from './parties.ts';
import type { Side } from './parties.ts';
import { planFault, strangePlan, takePlan } from './plan-fuzz.ts';
import { isNear, meanAnswer } from './mean-answer.ts';
import { recordedSessions } from './recorded.ts';
import { allMutations, attack, faultOf } from './run.ts';
import { silentTransfers } from './silent-transfers.ts';
import type { Mutation } from './mutations.ts';

/**
 * A part of the cases of `npm run test:hostile` (sweep.slow.ts), chosen so that every frame and every kind of
 * mutation occurs.
 */
const sides: readonly Side[] = ['client', 'server'];
const session = recordedSessions(1);

/**
 * The harness reaches the end where nothing is changed, and a change in the last message is a wrong answer.
 */
test('one party alone against the recorded frames ends as the session did', async () => {
  const { parties, transcript, answer } = session();
  expect(answer).toHaveLength(3);
  expect(await against(parties.client, transcript.client)).toEqual({ answer });
  expect(await against(parties.server, transcript.server)).toEqual({ answer: [] });
  const wrong = transcript.client.with(
    -1,
    transcript.client.at(-1)!.map((byte, i) => (i === 17 ? byte ^ 1 : byte)),
  );
  expect(await against(parties.client, wrong)).toEqual({
    answer: [expect.not.closeTo(answer[0]!), ...answer.slice(1)],
  });
});

test('planted: a crash, a run that ends all the same and a hang are each told', async () => {
  const { parties, transcript, other } = session();
  const [cut] = allMutations('server', transcript, other, seededRng('planted'), 0).filter(({ name }) =>
    /short/.test(name),
  );
  expect(await faultOf(() => Promise.reject(new RangeError('out of bounds')), cut!)).toMatch(/RangeError/);
  expect(await faultOf(() => Promise.resolve([]), cut!)).toMatch(/ends as if nothing was/);
  expect(await faultOf(() => new Promise(() => undefined), cut!, 0.05)).toMatch(/hangs/);
  expect(await faultOf(parties.server, cut!)).toBeUndefined();
});

test.each(sides)('mutated frames: the %s refuses or computes on, and nothing else', async (side) => {
  const { parties, transcript, other } = session();
  const cases = allMutations(side, transcript, other, seededRng(`quick ${side}`), 2);
  // 5 shares no factor with the number of kinds a frame has (23, the first 22), so every kind comes up.
  const chosen = cases.filter((_, i) => i % 5 === 0);
  expect(chosen.length).toBeGreaterThan(30);
  expect(await attack(parties[side], chosen)).toEqual([]);
});

test.each(sides)('base transfers, mutated: the %s', async (side) => {
  const base = baseTransfers('this');
  const [own, others] = [await record(base), await record(baseTransfers('another'))];
  const cases = allMutations(side, own.transcript, others.transcript, seededRng(`base ${side}`), 4);
  const chosen = cases.filter((_, i) => i % 9 === 0);
  expect(await attack(base[side], chosen)).toEqual([]);
});

test('silent transfers, mutated: the party that chooses refuses every change, for its check covers all', async () => {
  const cases = await silentCases('client');
  expect(cases.some(({ harmless }) => harmless)).toBe(true);
  // But for a second copy of the last frame, which nobody waits for.
  const strict = cases.map((mutation) => ({
    ...mutation,
    harmless: /twice/.test(mutation.name) && mutation.harmless,
  }));
  expect(await attack(silentTransfers('this').client, strict)).toEqual([]);
});

test('silent transfers, mutated: the party that offers refuses or goes on', async () => {
  expect(await attack(silentTransfers('this').server, await silentCases('server'))).toEqual([]);
});

/** Every second one: 23 kinds a frame, so that every kind comes up. */
async function silentCases(side: Side): Promise<Mutation[]> {
  const own = await record(silentTransfers('this'));
  const other = await record(silentTransfers('another'));
  const rng = seededRng(`silent ${side}`);
  return allMutations(side, own.transcript, other.transcript, rng, 4).filter((_, i) => i % 2 === 0);
}

test('plans with strange values are refused or can be run', async () => {
  const rng = seededRng('plans');
  const faults: string[] = [];
  for (let i = 0; i < 400; i++) {
    const fault = await planFault(strangePlan(rng));
    if (fault !== undefined) faults.push(fault);
  }
  expect(faults).toEqual([]);
});

test('a plan whose tensors are each allowed but together ask for all memory is refused', async () => {
  const wire = (shape: number[]) => ({ shape, scale: 1, bits: 20 });
  const kernel = [1, 1] as const;
  const spec = { ...convolution(1, 1, 4096, 1), outChannels: 1, strides: [4096, 4096] as const, kernel };
  const count = 64;
  const plan: Plan = {
    ...tinyPlan,
    output: { answer: 'logits', wire: count },
    wires: [wire([1, 4096, 4096]), ...Array.from({ length: count }, () => wire([1]))],
    steps: Array.from({ length: count }, (_, i) => {
      return { kind: 'linear', id: i + 1, node: 'big', inputs: [0], output: i + 1, spec };
    }),
  };
  await expect(takePlan(serialisePlan(plan))).rejects.toThrow(/step 32: the steps so far move more than/);
});

test('after all that the same pool serves an honest session', async () => {
  const { parties } = session();
  const { answer } = await record(parties);
  expect(isNear(answer, await meanAnswer()), answer.join(' ')).toBe(true);
});
