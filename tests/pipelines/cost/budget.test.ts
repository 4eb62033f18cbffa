import { expect, test } from 'vitest';
import {
  costIn,
  describeCostBudget,
  exactCost,
  parseBudget,
  parseBudgets,
} from '../../../pipelines/cost/budget.ts';
import type { CostBudget } from '../../../pipelines/cost/budget.ts';
import { predictLatency } from '../../../pipelines/cost/latency.ts';
import { profiles } from '../../../pipelines/cost/profiles.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { freeMachine } from '../../helpers/protocol/machine.ts';
import { tinyPlan } from '../../helpers/networks/networks.ts';

test('counts, shares, seconds and bytes', () => {
  expect(parseBudgets('12000,0.25, 0')).toEqual([12000, 0.25, 0]);
  const { wan, lan } = profiles;
  expect(parseBudget('0.3s@wan')).toEqual({ unit: 'seconds', limit: 0.3, profile: wan, phase: 'online' });
  expect(parseBudget('250 ms@lan:total')).toEqual({
    unit: 'seconds',
    limit: 0.25,
    profile: lan,
    phase: 'total',
  });
  expect(parseBudget('20MB@lan:offline')).toEqual({
    unit: 'bytes',
    limit: 20e6,
    profile: lan,
    phase: 'offline',
  });
  expect(describeCostBudget(parseBudget('0.3s@wan') as CostBudget)).toBe('300 ms online on wan');
  expect(describeCostBudget(parseBudget('20MB@lan:total') as CostBudget)).toBe('20 MB in all on lan');
  expect(describeCostBudget(parseBudget('1.267s@wan') as CostBudget)).toBe('1.267 s online on wan');
  expect(describeCostBudget(parseBudget('20480kB@lan') as CostBudget)).toBe('20.48 MB online on lan');
  expect(exactCost('bytes', 999)).toBe('0.999 kB');
});

test.each([
  '',
  'many',
  '-3',
  '0s@wan',
  '3s',
  '3s@moon',
  '3h@wan',
  '3s@wan:tomorrow',
  '1.2.3s@wan',
  '3toString@wan',
  '1,,2',
])('no budget: %j', (text) => {
  expect(() => parseBudgets(text)).toThrow(UsageError);
});

test.each([
  ['1.0', /'1\.0' may be a share or a count: .* such as 1 \(all ReLUs is the original network\)/],
  ['2.5', /'2\.5' may be a share or a count: .* a share below 1, such as 0\.5, or a count .* such as 3/],
])('%s is refused: it may be a share or a count', (text, message) => {
  expect(() => parseBudget(text)).toThrow(message);
});

test.each([
  ['1', 1],
  ['0.999', 0.999],
  ['0.0', 0],
])('%s is a budget', (text, budget) => {
  expect(parseBudget(text)).toBe(budget);
});

test('a budget counts the phase it names, both ways', () => {
  const latency = predictLatency(tinyPlan, profiles.wan, freeMachine);
  const { online, offline } = latency;
  const cost = (text: string) => costIn(parseBudget(text) as CostBudget, latency);
  expect(cost('1s@wan')).toBe(online.seconds);
  expect(cost('1MB@wan:offline')).toBe(offline.bytes_up + offline.bytes_down);
  expect(cost('1s@wan:total')).toBe(offline.seconds + online.seconds);
});
