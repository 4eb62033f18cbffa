import { expect, test } from 'vitest';
import { linearKeysOf, openedSteps } from '../../../pipelines/inference/opened.ts';
import { tinyPlan } from '../../helpers/networks.ts';

test('shares are opened of the linear steps after the last activation, whatever is local between', () => {
  expect([...openedSteps(tinyPlan)]).toEqual([8]);
  const [conv, activation] = [tinyPlan.steps[0]!, tinyPlan.steps[1]!];
  const alone = { ...tinyPlan, steps: [conv], output: { answer: 'logits', wire: 1 } as const };
  expect([...openedSteps(alone)]).toEqual([1]);
  const hidden = { ...tinyPlan, steps: [conv, activation], output: { answer: 'logits', wire: 2 } as const };
  expect([...openedSteps(hidden)]).toEqual([]);
});

test('the keys of a session follow from the bits that are opened', () => {
  // 3 logits of 26 bits; 32 elements of 16 bits; 100 of 21 bits.
  expect(linearKeysOf(tinyPlan)).toBe(1);
  expect(linearKeysOf({ ...tinyPlan, output: { answer: 'logits', wire: 1 } })).toBe(1);
  const wires = tinyPlan.wires.map((wire, id) => (id === 11 ? { ...wire, shape: [100], bits: 20 } : wire));
  expect(linearKeysOf({ ...tinyPlan, wires })).toBe(3);
});
