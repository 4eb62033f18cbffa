import { expect, test } from 'vitest';
import { linearKeysOf, openedSteps } from '../../../pipelines/inference/opened.ts';
import { tinyPlan } from '../../helpers/networks/networks.ts';

test('shares are opened of the linear steps after the last activation, whatever is local between', () => {
  expect([...openedSteps(tinyPlan)]).toEqual([8]);
  const [conv, activation] = [tinyPlan.steps[0]!, tinyPlan.steps[1]!];
  const alone = { ...tinyPlan, steps: [conv], output: { answer: 'logits', wire: 1 } as const };
  expect([...openedSteps(alone)]).toEqual([1]);
  const hidden = { ...tinyPlan, steps: [conv, activation], output: { answer: 'logits', wire: 2 } as const };
  expect([...openedSteps(hidden)]).toEqual([]);
});

test('the keys of a session follow from the bits that are opened', () => {
  // 3 and 32 logits of 16 bits; 125 of 16 bits make 2,000; 126 are too many.
  expect(linearKeysOf(tinyPlan)).toBe(1);
  expect(linearKeysOf({ ...tinyPlan, output: { answer: 'logits', wire: 1 } })).toBe(1);
  const wires = (logits: number) =>
    tinyPlan.wires.map((wire, id) => (id === 11 ? { ...wire, shape: [logits], bits: 20 } : wire));
  expect(linearKeysOf({ ...tinyPlan, wires: wires(125) })).toBe(1);
  expect(linearKeysOf({ ...tinyPlan, wires: wires(126) })).toBe(3);
});
