import { verdictWords } from '../../../../../models/fairness/reading.ts';
import * as format from '../../../../shared/format.ts';
import type { Card, CardModel } from './schema.ts';

type Cells = readonly (string | number)[];

/** The card as Markdown, for a reader who wants to know which network this is and who pays for its speed. */
export function cardMarkdown(card: Card): string {
  const parts = [
    ...head(card),
    '## Who loses accuracy',
    ...card.partitions.flatMap((partition) => figures(card, partition)),
    '## Networks',
    ...card.models.map((model) => network(model)),
    '## How it was measured',
    measured(card),
    '## Limits',
    list(card.limits.map(escaped)),
  ];
  return `${parts.join('\n\n')}\n`;
}

function head({ models, data, date, program, protocol }: Card): string[] {
  const title = models.length === 2 ? models[1]!.name : `${models.length - 1} reduced networks`;
  const rows = models.map((model) => [
    model.name,
    format.count(model.relus),
    withInterval(model.accuracy, model.accuracy_interval, format.percent),
    model.role === 'original' ? '' : withInterval(model.drop, model.drop_interval, format.plainPoints),
  ]);
  return [
    `# Model card: ${escaped(title)}`,
    `Made on ${date.slice(0, 10)} by ${program.name} ${program.version}, protocol version ${protocol}. All figures are for the ` +
      `same ${format.count(data.images)} ${data.split} images of ${escaped(data.name)}.`,
    table(['network', 'ReLUs', 'accuracy', 'loss, points'], rows),
  ];
}

function figures(card: Card, { by, groups, gaps, reading }: Card['partitions'][number]): string[] {
  const star = groups.some((group) => !group.in_gap);
  const tables = card.models.slice(1).map((model, i) => {
    const rows = groups.map(({ group, n, in_gap, models }) => {
      const [before, after] = [models[0]!, models[i + 1]!];
      return [
        `${group}${in_gap ? '' : ' \\*'}`,
        format.count(n),
        format.percent(before.accuracy),
        withInterval(after.accuracy, after.interval, format.percent),
        withInterval(after.drop, after.drop_interval, format.plainPoints),
        withInterval(after.excess_drop, after.excess_drop_interval, format.points),
        verdictWords[after.verdict],
      ];
    });
    const columns = [
      'group',
      'images',
      'before',
      'after',
      'loss, points',
      'beyond the average',
      'loses more than the rest?',
    ];
    return `**${escaped(model.name)}**\n\n${table(columns, rows)}`;
  });
  return [
    `### By ${by.map(escaped).join(' and ')}`,
    list(reading.map(escaped)),
    ...tables,
    ...(star ? [`\\* too few images for the gap: fewer than ${card.method.min_group_in_gap}.`] : []),
    gapTable(card, gaps),
  ];
}

function gapTable({ method }: Card, gaps: Card['partitions'][number]['gaps']): string {
  const isBinary = gaps.some((row) => row.demographic_parity !== null);
  const rows = gaps.map((row, m) => [
    row.model,
    withInterval(row.gap, row.interval, format.plainPoints),
    m === 0 ? '' : withInterval(row.widening, row.widening_interval, format.points),
    row.worst_group ?? 'none is told',
    known(row.worst_accuracy, format.percent),
    ...(isBinary ? rates(row) : []),
  ]);
  const more = [
    'called positive, points',
    'their ratio',
    'equalised odds, points',
    'predictive parity, points',
  ];
  const columns = [
    'network',
    'gap, points',
    'change',
    'worst group',
    'its accuracy',
    ...(isBinary ? more : []),
  ];
  return `Gaps between the best and the worst group of at least ${method.min_group_in_gap} images:\n\n${table(columns, rows)}`;
}

function rates(row: Card['partitions'][number]['gaps'][number]): string[] {
  return [
    known(row.demographic_parity, format.plainPoints),
    known(row.disparate_impact, (ratio) => ratio.toFixed(2)),
    known(row.equalised_odds, format.plainPoints),
    known(row.predictive_parity, format.plainPoints),
  ];
}

function network({ name, relus, files, history, plan }: CardModel): string {
  const lines = [
    `ReLUs: ${format.count(relus)}`,
    ...files.map(({ file, sha256 }) => `file \`${file}\`, SHA-256 \`${sha256}\``),
    'none' in plan
      ? `no plan: ${escaped(plan.none)}`
      : `plan \`${plan.hash}\`, calibrated on ${plan.images} training images of ${escaped(plan.calibrated_on)}`,
    ...(history ?? []).map(trainingLine),
    ...(history === null ? ['its file does not remember how it was trained, nor any mitigation'] : []),
  ];
  return `### ${escaped(name)}\n\n${list(lines)}`;
}

function trainingLine({
  step,
  data,
  method,
  relus,
  mitigation,
  fair_select,
}: NonNullable<CardModel['history']>[number]) {
  const held = data.held_out === 0 ? 'all of them' : `without ${format.percent(data.held_out)} held out`;
  const what = step === 'train' ? 'trained' : `reduced by ${method} to ${format.count(relus!)} ReLUs`;
  const kept = [
    mitigation === undefined ? '' : `mitigation ${mitigation.scheme} for groups by ${mitigation.groups}`,
    fair_select === true ? 'groups counted by their loss when ReLUs were chosen' : '',
  ].filter((part) => part !== '');
  const mitigated = step === 'train' ? '' : `; ${kept.length === 0 ? 'no mitigation' : kept.join(', ')}`;
  return `${what} with ${escaped(data.name)} (${format.count(data.images)} images, ${held})${mitigated}`;
}

function measured({ method, data }: Card): string {
  return list([
    `Data: ${escaped(data.name)}, ${data.split} images, SHA-256 \`${data.hash}\`.`,
    `Intervals hold the true value in ${Math.round(100 * method.confidence)} of 100 cases: a paired bootstrap with ` +
      `${format.count(method.resamples)} resamples, seed ${method.seed}.`,
    `Tests have a level of ${format.percent(method.level)} (${method.correction}). ${method.assumes}`,
    `Groups count in gaps from ${method.min_group_in_gap} images on, of which an accuracy of 50 % is known within ` +
      `${format.plainPoints(method.max_width)} points.`,
  ]);
}

function withInterval(
  value: number | null,
  [low, high]: readonly [number | null, number | null],
  written: (value: number) => string,
): string {
  if (value === null) return 'n/a';
  return low === null || high === null
    ? written(value)
    : `${written(value)} (${written(low)} to ${written(high)})`;
}

function known(value: number | null, written: (value: number) => string): string {
  return value === null ? 'n/a' : written(value);
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

function table(columns: readonly string[], rows: readonly Cells[]): string {
  const line = (cells: Cells) => `| ${cells.map((cell) => escaped(String(cell))).join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Names are those of the user's data: they must not end a cell or begin markup. */
function escaped(text: string): string {
  return text.replaceAll(/(?<!\\)[|<>`]/g, (mark) => `\\${mark}`).replaceAll(/\s+/g, ' ');
}
