import { silent } from '../../../src/shared/progress.ts';
import { standIns } from './layers.ts';
import { candidateAt, cheapestAim, unreachable } from './search.ts';
import { leastReluPrice } from './shorter-tests.ts';
import { keepsTests, taskWith } from './task.ts';
import type { PricedTask } from './task.ts';

/**
 * The sums of prices that are tried, as shares of the way from the cheapest to the dearest. Costs do not
 * quite add up: of a tiny MobileNet the candidate at 0.01 took 121 ms on wan, with a round trip less than
 * the one at 0, which took 161 ms.
 */
const shares = [0, 0.01, 0.05, 0.2] as const;

/** A budget is refused early if so many times as much is not met: losses may lead to other candidates. */
const margin = 1.5;

/**
 * Throws the UsageError of `search`, before any loss is measured, if a budget is far below what the
 * cheapest choices of layers take: losses take most of the time of a reduction's preparation.
 */
export async function checkReachable(priced: PricedTask): Promise<void> {
  const { measured, budget, prepared, pricing, serving } = priced;
  const within = margin * budget.limit;
  if (priced.baseCost <= within) return;
  const layers = standIns(priced.priced, measured, ({ layer, prices }) =>
    keepsTests(serving) ? prices.relu : leastReluPrice(prepared.plan, layer, pricing),
  );
  if (layers === undefined) return;
  const task = taskWith({ ...priced, measured: { ...measured, onProgress: silent } }, layers);
  let leastCost = Infinity;
  for (const share of shares) {
    const aim = cheapestAim(task) + share * (task.dearest - task.cheapest);
    const cost = (await candidateAt(task, aim, 0))?.cost ?? Infinity;
    if (cost <= within) return;
    leastCost = Math.min(leastCost, cost);
  }
  throw unreachable(budget, leastCost);
}
