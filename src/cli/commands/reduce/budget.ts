import type { Model } from '../../../../models/graph.ts';
import { describeCost } from '../../../../pipelines/cost/budget.ts';
import type { Budget } from '../../../../pipelines/cost/budget.ts';
import type { MachineCosts } from '../../../../pipelines/cost/machine.ts';
import type { MethodName } from '../../../../pipelines/reduce/methods.ts';
import { resolveBudget } from '../../../../pipelines/reduce/reduction.ts';
import type { PredictedCost } from '../../../../pipelines/reduce/reduction.ts';
import { UsageError } from '../../../shared/errors.ts';
import { knownMachine } from '../../options/machine.ts';

/** The ReLUs that a budget leaves; undefined for seconds or bytes, of which hybrid finds out itself. Throws UsageError as resolveBudget does. */
export function countOf(model: Model, method: MethodName, budget: Budget): number | undefined {
  return method === 'hybrid' && typeof budget !== 'number' ? undefined : resolveBudget(model, budget);
}

/** A network of another budget has nothing to be held against. */
export function checkAgainst(count: number | undefined, against: string | undefined): void {
  if (count !== undefined || against === undefined) return;
  throw new UsageError('--against is of a budget in ReLUs: networks of equal cost have different ones');
}

/** Of the method that predicts seconds. */
export async function machineOf(method: MethodName): Promise<{ machine?: MachineCosts }> {
  return method === 'hybrid' ? { machine: (await knownMachine()).costs } : {};
}

/** '; predicted 1.2 s, budget 1.3 s online on wan (before: 1.7 s)' */
export function costText(cost: PredictedCost | undefined): string {
  if (cost === undefined) return '';
  const { budget, unit, before, after } = cost;
  return `\nan inference is predicted to take ${describeCost(unit, after)}, budget ${budget} (before: ${describeCost(unit, before)})`;
}
