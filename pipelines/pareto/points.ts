import { paretoFront } from './front.ts';
import { jobId } from './job.ts';
import { isOriginal, seriesName } from './series.ts';
import { estimate } from './statistics.ts';
import type { Estimate } from './statistics.ts';
import type { Run, StoredCost } from './run.ts';

/** A point of the picture: all runs that differ only in their seed. */
export type Point = {
  /** The id of the first run. */
  readonly id: string;
  readonly series: string;
  readonly budget: string;
  readonly relus: Estimate;
  /** The simulated private accuracy, including the faults of the sign test. */
  readonly accuracy: Estimate;
  readonly clearAccuracy: Estimate;
  /** The mean costs, one entry per profile and source. */
  readonly costs: readonly PointCost[];
  /** The names of the measures by which no other point is at least as accurate for less. */
  readonly onFront: readonly string[];
  readonly isMeasured: boolean;
  /** The runs that are done, by seed. */
  readonly runs: readonly DoneRun[];
  readonly state: { readonly failed: number; readonly unfinished: number };
};

export type DoneRun = Run & { readonly result: NonNullable<Run['result']> };

/** The mean costs of a point's runs. Bytes are those of both directions. */
export type PointCost = Pick<StoredCost, 'profile' | 'source' | 'rounds'> & {
  readonly offlineSeconds: number;
  readonly onlineSeconds: number;
  readonly offlineBytes: number;
  readonly onlineBytes: number;
};

/** A figure besides accuracy by which points are compared. Less is better. */
export type Measure = {
  readonly name: string;
  readonly title: string;
  readonly unit: 'ReLUs' | 's' | 'MB';
  /** The figure of a point, or undefined if the point has none. */
  readonly of: (point: Pick<Point, 'relus' | 'costs'>) => number | undefined;
};

/**
 * The measures of a sweep: what users pay first, online and total latency on each profile and bytes; then
 * ReLUs.
 */
export function measuresOf(profiles: readonly string[]): Measure[] {
  return [
    ...profiles.flatMap((profile): Measure[] => [
      {
        name: `online-${profile}`,
        title: `online latency, ${profile}`,
        unit: 's',
        of: (point) => predicted(point, profile)?.onlineSeconds,
      },
      {
        name: `total-${profile}`,
        title: `total latency, ${profile}`,
        unit: 's',
        of: (point) => totalSeconds(predicted(point, profile)),
      },
    ]),
    {
      name: 'bytes',
      title: 'bytes of one inference',
      unit: 'MB',
      of: ({ costs }) => costs[0] && (costs[0].offlineBytes + costs[0].onlineBytes) / 1e6,
    },
    { name: 'relus', title: 'ReLUs', unit: 'ReLUs', of: ({ relus }) => relus.mean },
  ];
}

/**
 * The points of all runs that are done, with the fronts they are on. The original comes first, then the
 * others by series and falling number of ReLUs.
 */
export function pointsOf(runs: readonly Run[], profiles: readonly string[]): Point[] {
  const groups = Map.groupBy(runs, ({ spec }) => jobId({ ...spec, seed: 0 }));
  const points = [...groups.values()].flatMap((group) => pointOf(group) ?? []);
  const fronts = measuresOf(profiles).map((measure) => ({
    name: measure.name,
    ids: frontOf(points, measure),
  }));
  return points
    .map((point) => ({
      ...point,
      onFront: fronts.filter(({ ids }) => ids.has(point.id)).map(({ name }) => name),
    }))
    .sort(inOrder);
}

/**
 * The ids of the points on a measure's front: no other point is at least as accurate for less, or more
 * accurate for the same.
 */
export function frontOf(
  points: readonly Pick<Point, 'id' | 'accuracy' | 'relus' | 'costs'>[],
  measure: Measure,
): Set<string> {
  const placed = points.flatMap((point) => {
    const x = measure.of(point);
    return x === undefined ? [] : [{ id: point.id, x, y: point.accuracy.mean }];
  });
  return new Set(paretoFront(placed, ({ x, y }) => [x, -y]).map(({ id }) => id));
}

function pointOf(group: readonly Run[]): Point | undefined {
  const done = group.filter((run): run is DoneRun => run.result !== null);
  const runs = done.toSorted((a, b) => a.spec.seed - b.spec.seed);
  const [first] = runs;
  if (first === undefined) return undefined;
  const failed = group.filter(({ state }) => state === 'failed').length;
  const costs = costsOf(runs);
  return {
    id: first.id,
    series: seriesName(first.spec),
    budget: first.spec.budget,
    relus: estimate(runs.map(({ result }) => result.relus)),
    accuracy: estimate(runs.map(({ result }) => result.privateAccuracy)),
    clearAccuracy: estimate(runs.map(({ result }) => result.accuracy)),
    costs,
    onFront: [],
    isMeasured: costs.some(({ source }) => source === 'measured'),
    runs,
    state: { failed, unfinished: group.length - failed - runs.length },
  };
}

function costsOf(runs: readonly DoneRun[]): PointCost[] {
  const all = Map.groupBy(
    runs.flatMap(({ costs }) => costs),
    ({ profile, source }) => `${source === 'predicted' ? 0 : 1} ${profile}`,
  );
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, costs]) => meanCost(costs));
}

function meanCost(costs: readonly StoredCost[]): PointCost {
  const mean = (of: (cost: StoredCost) => number) =>
    costs.reduce((sum, cost) => sum + of(cost), 0) / costs.length;
  return {
    profile: costs[0]!.profile,
    source: costs[0]!.source,
    rounds: mean(({ rounds }) => rounds),
    offlineSeconds: mean(({ offlineSeconds }) => offlineSeconds),
    onlineSeconds: mean(({ onlineSeconds }) => onlineSeconds),
    offlineBytes: mean(({ offline }) => offline.bytes_up + offline.bytes_down),
    onlineBytes: mean(({ online }) => online.bytes_up + online.bytes_down),
  };
}

function predicted({ costs }: Pick<Point, 'costs'>, profile: string): PointCost | undefined {
  return costs.find((cost) => cost.source === 'predicted' && cost.profile === profile);
}

function totalSeconds(cost: PointCost | undefined): number | undefined {
  return cost && cost.offlineSeconds + cost.onlineSeconds;
}

function inOrder(a: Point, b: Point): number {
  const first = (point: Point) => (isOriginal(point.series) ? 0 : 1);
  return (
    first(a) - first(b) || (a.series < b.series ? -1 : a.series > b.series ? 1 : b.relus.mean - a.relus.mean)
  );
}
