// The tables of the results, from what run.sh made: node tests/bench/fairness-tables.ts NETWORKS REPORTS
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Report = {
  models: { model: string; relus: number }[];
  overall: { accuracy: number; interval: [number, number] }[];
  groups: {
    group: string;
    n: number;
    models: { accuracy: number; excess_drop: number; verdict: string }[];
  }[];
  gap: {
    models: {
      gap: number;
      interval: [number, number];
      widening: number;
      worst_group: string;
      worst_accuracy: number;
    }[];
  };
};
type Price = { cost: number; gap_change: number; models: { model: string; gap: number }[] };

const [networks = '', reports = ''] = process.argv.slice(2);
const points = (value: number): string => (100 * value).toFixed(1);
const range = (interval: readonly [number, number]): string => interval.map(points).join(' to ');
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

function reportTables(name: string): string {
  const report = JSON.parse(readFileSync(join(reports, name, 'report.json'), 'utf8')) as Report;
  const lines = report.models.map(({ model, relus }, m) => {
    const [all, gap] = [report.overall[m]!, report.gap.models[m]!];
    return [
      model,
      relus,
      `${points(all.accuracy)} (${range(all.interval)})`,
      `${points(gap.gap)} (${range(gap.interval)})`,
      `${gap.worst_group}, ${points(gap.worst_accuracy)}`,
    ];
  });
  const excess = report.groups.map(({ group, n, models }) => [
    group,
    n,
    ...models.slice(1).map((m) => `${points(m.excess_drop)}${m.verdict === 'loses more' ? ' *' : ''}`),
  ]);
  return [
    table(['network', 'ReLUs', 'accuracy, %', 'gap, points', 'worst group'], lines),
    'Excess drop by group, points; * marks groups that are shown to lose more than the rest.',
    table(['group', 'images', ...report.models.slice(1).map(({ model }) => model)], excess),
  ].join('\n\n');
}

/**
 * Each mitigated network against the same reduction without, seeds together: means and the range over seeds.
 */
function priceTable(): string {
  const prices = new Map<string, Price[]>();
  for (const file of readdirSync(networks).sort()) {
    if (!file.endsWith('.json')) continue;
    const { price } = JSON.parse(readFileSync(join(networks, file), 'utf8')) as { price?: Price };
    const name = file.replace(/-\d+\.json$/, '');
    if (price) prices.set(name, [...(prices.get(name) ?? []), price]);
  }
  const spread = (values: number[]): string => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return `${points(mean)} (${range([Math.min(...values), Math.max(...values)])})`;
  };
  const rows = [...prices].map(([name, list]) => [
    name,
    list.length,
    spread(list.map(({ models }) => models[1]!.gap)),
    spread(list.map(({ models }) => models[2]!.gap)),
    spread(list.map(({ gap_change, models }) => gap_change / models[1]!.gap)),
    spread(list.map(({ cost }) => cost)),
  ]);
  return table(
    ['mitigated', 'seeds', 'gap without', 'gap with', 'change, % of it', 'accuracy it costs, points'],
    rows,
  );
}

const parts = [
  '## Rare classes',
  reportTables('rare-classes'),
  '## A protected attribute',
  reportTables('protected-attribute'),
  '## What mitigation costs and changes, with the same number of ReLUs (mean and range over seeds)',
  priceTable(),
];
process.stdout.write(`${parts.join('\n\n')}\n`);
