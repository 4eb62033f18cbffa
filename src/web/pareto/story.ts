import { measuresOf } from '../../../pipelines/pareto/points.ts';
import type { Point, PointCost } from '../../../pipelines/pareto/points.ts';
import type { Bits } from '../../../pipelines/simulate/bits-in-order.ts';
import { isOriginal } from '../../../pipelines/pareto/series.ts';
import type { Estimate } from '../../../pipelines/pareto/statistics.ts';
import { defaultMaxWidth, fewestTelling } from '../../../models/fairness/telling.ts';
import * as format from '../../shared/format.ts';
import type { LayerRow } from './charts.ts';

/** 'snl+circa at 0.25' */
export function titleOf({ series, budget }: Point): string {
  return isOriginal(series) ? series : `${series} at ${budget}`;
}

/** '92.31 % ± 0.20'. The interval is shown when there are two or more seeds. */
export function accuracyText({ mean, interval }: Estimate): string {
  const value = `${(100 * mean).toFixed(2)} %`;
  return interval === null ? value : `${value} ± ${(100 * (interval[1] - mean)).toFixed(2)}`;
}

/**
 * All that is known about a point, in sentences. When the original is given, one of them says which classes
 * lost most.
 */
export function storyOf(point: Point, profiles: readonly string[], original?: Point): string[] {
  const first = point.runs[0]!.result;
  const left = format.count(Math.round(point.relus.mean));
  const relus = `${left} of ${format.count(first.relusBefore)} ReLUs are left.`;
  const seeds = point.runs.length === 1 ? 'one seed' : `mean of ${point.runs.length} seeds`;
  const accuracy =
    `${accuracyText(point.accuracy)} of ${format.count(first.n)} test images are right with ` +
    `the protocol's faults (simulated; ${seeds}), ${accuracyText(point.clearAccuracy)} in the clear.`;
  const predicted = profiles.map((profile) => {
    const cost = costAt(point, 'predicted', profile);
    return cost === undefined ? '' : `Predicted, ${profile}: ${times(cost)}.`;
  });
  const measured = point.costs
    .filter(({ source }) => source === 'measured')
    .map((cost) => `Measured, ${cost.profile}: ${times(cost)}.`);
  const cost = [...predicted, ...measured, traffic(point), bitsText(point)];
  return [relus, accuracy, ...cost, frontText(point, profiles), losersText(point, original)].filter(
    (sentence) => sentence !== '',
  );
}

/** 'Lost most: Shirt (4.1 points), Coat (2.0 points).' */
function losersText(point: Point, original: Point | undefined): string {
  if (original === undefined || original.id === point.id) return '';
  const before = classAccuracies(original);
  const drops = [...classAccuracies(point)]
    .filter(([name]) => before.has(name))
    .map(([name, accuracy]) => ({ name, drop: (before.get(name) ?? NaN) - accuracy }))
    .filter(({ drop }) => drop >= 0.0005)
    .toSorted((a, b) => b.drop - a.drop);
  if (drops.length === 0) return 'No class is seen to lose accuracy.';
  const worst = drops.slice(0, 3).map(({ name, drop }) => `${name} (${format.plainPoints(drop)} points)`);
  return `Lost most: ${worst.join(', ')}.`;
}

/** The fewest images of a class, in the rule and at the width of `fairness`, of which a loss is told. */
const fewestImages = fewestTelling(defaultMaxWidth, 0.95);

/** The private accuracy of each class with enough test images, as the mean over the runs. */
function classAccuracies({ runs }: Point): Map<string, number> {
  const rows = runs[0]!.result.perClass;
  const mean = (i: number) =>
    runs.reduce((sum, { result }) => sum + result.perClass[i]!.privateAccuracy, 0) / runs.length;
  const told = rows.flatMap((row, i) => (row.n >= fewestImages ? [[row.class, mean(i)] as const] : []));
  return new Map(told);
}

function times({ offlineSeconds, onlineSeconds }: PointCost): string {
  return `${format.duration(onlineSeconds)} online, ${format.duration(offlineSeconds)} offline`;
}

function traffic({ costs }: Point): string {
  const { offlineBytes, onlineBytes } = costs[0]!;
  return `Traffic: ${format.bytes(onlineBytes)} online, ${format.bytes(offlineBytes)} offline.`;
}

/** 'Activations have 6 bits and weights 11.' and what sign tests leave out; '' for the compiler's bits. */
function bitsText({ runs }: Point): string {
  const said = runs.flatMap(({ result: { bits } }) =>
    bits === null
      ? []
      : [`Activations have ${bits.activationBits} bits and weights ${bits.weightBits}.`, testsText(bits)],
  );
  return [...new Set(said.filter((text) => text !== ''))].join(' ');
}

/** 'Sign tests leave out 5 more bits in stem.relu, 3 in stage1.relu.' */
function testsText({ leftOut = {} }: Bits): string {
  const layers = Object.entries(leftOut).map(
    ([layer, bits], i) => `${bits}${i === 0 ? ' more bits' : ''} in ${layer}`,
  );
  return layers.length === 0 ? '' : `Sign tests leave out ${layers.join(', ')}.`;
}

function frontText({ onFront, isMeasured }: Point, profiles: readonly string[]): string {
  const titles = measuresOf(profiles)
    .filter(({ name }) => onFront.includes(name))
    .map(({ title }) => title);
  if (titles.length === 0) return 'Another point is at least as accurate for less, by every measure.';
  return `On the front by ${titles.join('; ')}.${isMeasured ? '' : ' Not measured yet.'}`;
}

export function costAt(point: Point, source: PointCost['source'], profile: string): PointCost | undefined {
  return point.costs.find((cost) => cost.source === source && cost.profile === profile);
}

/** The layers of a point's first run that had ReLUs or still cost something, in the order of the plan. */
export function layerRows(point: Point, profile: string): LayerRow[] {
  const { layers, log } = point.runs[0]!.result;
  const before = new Map(log.map(({ layer, relus_before }) => [layer, relus_before]));
  const rows = new Map<string, LayerRow>();
  const add = (layer: string, relus: number, offline: number, online: number) => {
    const row = rows.get(layer) ?? { layer, before: before.get(layer) ?? 0, relus: 0, offline: 0, online: 0 };
    rows.set(layer, {
      ...{ layer, before: row.before, relus: row.relus + relus },
      ...{ offline: row.offline + offline, online: row.online + online },
    });
  };
  for (const { node, relus, offlineBytes, onlineBytes, seconds } of layers) {
    if (relus + offlineBytes + onlineBytes > 0)
      add(node, relus, seconds[profile]?.offline ?? 0, seconds[profile]?.online ?? 0);
  }
  for (const { layer, relus_before } of log) if (relus_before > 0) add(layer, 0, 0, 0);
  return [...rows.values()].map((row) => ({ ...row, before: Math.max(row.before, row.relus) }));
}
