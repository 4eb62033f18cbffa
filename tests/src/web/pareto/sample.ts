import type { JobSpec } from '../../../../pipelines/pareto/job.ts';
import { pointsOf } from '../../../../pipelines/pareto/points.ts';
import type { Point } from '../../../../pipelines/pareto/points.ts';
import { RunStore } from '../../../../pipelines/pareto/store.ts';
import type { ParetoReport } from '../../../../src/web/pareto/page.ts';
import { seededUniform } from '../../../../models/data/seeded.ts';
import { addDone, circaSetting, sampleCost, sampleSpec } from '../../../pipelines/pareto/sample.ts';

const profiles = ['lan', 'wan'];

/** Invented figures of a whole sweep, for looking at the page and testing that it shows them. */
export function sampleSweep(): ParetoReport {
  using store = new RunStore(':memory:');
  const uniform = seededUniform(1);
  addDone(store, sampleSpec({ method: 'original', budget: '1', epochs: 0 }), 10_000, 0.929);
  const names = ['deepreduce', 'snl', 'autorep', 'deepreshape'] as JobSpec['method'][];
  names.forEach((method, m) => {
    for (const [budget, lost] of [
      [0.5, 0.002],
      [0.25, 0.006],
      [0.12, 0.012],
      [0.06, 0.02],
      [0, 0.06],
    ] as const) {
      for (let seed = 1; seed <= (m < 2 ? 3 : 1); seed++) {
        const accuracy = 0.929 - lost * (1 + 0.3 * m) - 0.004 * uniform();
        addDone(store, sampleSpec({ method, budget: String(budget), seed }), 10_000 * budget, accuracy);
        if (m === 1)
          addDone(
            store,
            sampleSpec({ method, budget: String(budget), seed, circa: circaSetting }),
            Math.max(0, 10_000 * budget - 30),
            accuracy - 0.003,
          );
      }
    }
  });
  addAdditions(store);
  const points = pointsOf(store.runs(), profiles);
  for (const { runs, relus, onFront } of points) {
    if (onFront.length > 0)
      store.addCost(runs[0]!.id, sampleCost(relus.mean, 'loopback', 'measured'), runs[0]!.result.machine);
  }
  return {
    points: pointsOf(store.runs(), profiles),
    profiles,
    folder: 'a folder',
    date: '2000-01-02T03:04:05.000Z',
  };
}

/** Series that differ in their additions alone. */
function addAdditions(store: RunStore): void {
  const changes = [
    { replace: 'none' },
    { replace: 'quadratic' },
    { replace: 'quadratic', circa: circaSetting },
    { granularity: 'channel', replace: 'quadratic', circa: circaSetting },
  ] as const;
  changes.forEach((change, i) => {
    for (const budget of [0.5, 0.25])
      addDone(
        store,
        sampleSpec({ method: 'snl', ...change, budget: String(budget) }),
        10_000 * budget - 100 * i,
        0.915 - 0.01 / budget / (i + 2),
      );
  });
}

/** The point of a series with this budget. */
export function pointAt({ points }: ParetoReport, series: string, budget: string): Point {
  return points.find((point) => point.series === series && point.budget === budget)!;
}
