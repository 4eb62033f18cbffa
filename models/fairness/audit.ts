import * as z from 'zod';
import { plainPoints } from '../../src/shared/format.ts';
import { DataError } from '../../src/shared/errors.ts';
import type { Interval } from './bootstrap.ts';
import { gap } from './metrics.ts';

/** The limits of an audit, as fractions of 1 (default: no limit). */
export type Limits = {
  /** The most that the accuracies of the best and the worst group may differ. */
  readonly maxGap?: number;
  /** The most that this gap may exceed the original's. */
  readonly maxWidening?: number;
  /** The most that a group may lose beyond the average. */
  readonly maxExcessDrop?: number;
  /** Groups with fewer samples are not judged. */
  readonly minGroup: number;
  /** Which value of a figure must keep to the limit (default: the measured one). */
  readonly judge?: Judge;
};

/**
 * What an audit compares with the limits:
 * - measured: the value itself.
 * - outside: the near end of its interval, which fails only models that are shown to exceed the limit.
 * - inside: the far end, which fails all models that are not shown to keep to the limit.
 */
export const judges = ['measured', 'outside', 'inside'] as const;
export type Judge = (typeof judges)[number];

export type BrokenLimit = {
  readonly model: string;
  readonly limit: 'maxGap' | 'maxWidening' | 'maxExcessDrop';
  /** The group at fault: the one that loses, or for a gap the one with the worst accuracy. */
  readonly group: string;
  readonly n: number;
  /** The measured value; its interval is present if intervals are judged. */
  readonly value: number;
  readonly interval?: Interval;
  readonly allowed: number;
};

export type Audit = {
  readonly passed: boolean;
  readonly limits: Limits;
  readonly judged: readonly { readonly group: string; readonly n: number }[];
  readonly tooSmall: readonly { readonly group: string; readonly n: number }[];
  readonly failures: readonly BrokenLimit[];
};

const interval = z.tuple([z.number(), z.number()]);
/** A gap has no interval if fewer than two groups count in it. */
const spread = interval.or(z.tuple([z.null(), z.null()]));

const partSchema = z.object({
  groups: z
    .array(
      z.object({
        group: z.string(),
        n: z.number().int().positive(),
        models: z
          .array(
            z.object({
              model: z.string(),
              accuracy: z.number().min(0).max(1),
              excess_drop: z.number(),
              excess_drop_interval: interval.optional(),
            }),
          )
          .min(2),
      }),
    )
    .min(1)
    .refine(haveSameModels, 'all groups must list the same models'),
  gap: z
    .object({
      /** The size from which groups count in the gaps. */
      min_group: z.number(),
      models: z.array(
        z.object({
          gap: z.number().nullable(),
          widening: z.number().nullable(),
          interval: spread,
          widening_interval: spread,
          all_gap: z.number().nullable(),
          all_widening: z.number().nullable(),
          all_gap_interval: spread,
          all_widening_interval: spread,
        }),
      ),
    })
    .optional(),
});

const reportSchema = partSchema.extend({
  /** Other ways to sort the same images into groups, if there are several. */
  marginals: z.array(partSchema).optional(),
});

/** The parts of a report that an audit reads, with the names of its JSON. */
export type AuditedReport = z.infer<typeof reportSchema>;

/**
 * Parses the output of `fairness --json`. Throws DataError that names `source` and the place that is wrong.
 */
export function parseReport(text: string, source: string): AuditedReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DataError(`${source}: it is not JSON; expected the output of 'reluctant fairness --json'`);
  }
  const parsed = reportSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new DataError(
    `${source}: it is not a fairness report: ${issue.path.join('.') || 'the document'}: ${issue.message}`,
  );
}

/** The size from which an audit judges groups if it is not told: that of the report's gaps. */
export function minGroupOf({ gap }: AuditedReport): number {
  return gap?.min_group ?? 30;
}

/**
 * Checks every reduced model against the limits, in each of the report's partitions into groups. Gaps are
 * taken between the groups that are large enough; without any such group the audit does not pass. Throws
 * DataError if intervals are to be judged that the report does not have.
 */
export function audit(report: AuditedReport, limits: Limits): Audit {
  const parts = [...(report.marginals ?? []), report].map((part) => auditPart(part, limits));
  const judged = parts.flatMap((part) => part.judged);
  const failures = parts.flatMap((part) => part.failures);
  return {
    passed: judged.length > 0 && failures.length === 0,
    limits,
    judged,
    tooSmall: parts.flatMap((part) => part.tooSmall),
    failures,
  };
}

type Part = z.infer<typeof partSchema>;

function auditPart(report: Part, limits: Limits): Pick<Audit, 'judged' | 'tooSmall' | 'failures'> {
  const small = ({ n }: { n: number }) => n < limits.minGroup;
  const judged = report.groups.filter((group) => !small(group));
  const failures =
    judged.length === 0 ? [] : reducedModels(judged).flatMap((m) => failuresOf(report, judged, m, limits));
  return {
    judged: judged.map(({ group, n }) => ({ group, n })),
    tooSmall: report.groups.filter(small).map(({ group, n }) => ({ group, n })),
    failures,
  };
}

type GroupOfReport = Part['groups'][number];

/** Tolerance for rounding: 0.9 - 0.8 exceeds 0.1 by 3e-17, which is not a failure. */
const rounding = 1e-9;

type Held = {
  readonly limit: BrokenLimit['limit'];
  readonly at: GroupOfReport;
  readonly value: number;
  readonly interval: Interval | undefined;
};

function failuresOf(
  report: Part,
  judged: readonly GroupOfReport[],
  m: number,
  limits: Limits,
): BrokenLimit[] {
  const { judge = 'measured' } = limits;
  return heldOf(report, judged, m).flatMap(({ limit, at, value, interval: own }) => {
    const allowed = limits[limit];
    if (allowed === undefined) return [];
    const { model } = at.models[m]!;
    const held = judge === 'measured' ? value : endOf(own, judge, `${limit} of ${model}, ${at.group}`);
    if (held <= allowed + rounding) return [];
    const spread = judge === 'measured' ? {} : { interval: own! };
    return [{ model, limit, group: at.group, n: at.n, value, ...spread, allowed }];
  });
}

/** Every figure of a model that a limit may apply to. */
function heldOf(report: Part, judged: readonly GroupOfReport[], m: number): Held[] {
  const accuracies = (model: number) => judged.map(({ models }) => models[model]!.accuracy);
  const worst = judged[accuracies(m).indexOf(Math.min(...accuracies(m)))]!;
  const row = report.gap?.models[m];
  const figures = row && gapsOfJudged(report, judged, row);
  const measured = gap(accuracies(m));
  return [
    { limit: 'maxGap', at: worst, value: figures?.gap ?? measured, interval: figures?.interval },
    {
      limit: 'maxWidening',
      at: worst,
      value: figures?.widening ?? measured - gap(accuracies(0)),
      interval: figures?.wideningInterval,
    },
    ...judged.map((at): Held => {
      const { excess_drop, excess_drop_interval } = at.models[m]!;
      return { limit: 'maxExcessDrop', at, value: excess_drop, interval: excess_drop_interval };
    }),
  ];
}

type GapOfReport = NonNullable<Part['gap']>['models'][number];
type JudgedGap = {
  readonly gap?: number | undefined;
  readonly widening?: number | undefined;
  readonly interval?: Interval | undefined;
  readonly wideningInterval?: Interval | undefined;
};

/**
 * The report's gap of all groups if all are judged, or of those that are large enough to tell if exactly
 * those are judged. The report has no other gap.
 */
function gapsOfJudged(
  { groups, gap: gaps }: Part,
  judged: readonly GroupOfReport[],
  row: GapOfReport,
): JudgedGap {
  if (judged.length === groups.length)
    return known(row.all_gap, row.all_widening, row.all_gap_interval, row.all_widening_interval);
  const told = groups.filter(({ n }) => n >= gaps!.min_group);
  if (told.length !== judged.length) return {};
  return known(row.gap, row.widening, row.interval, row.widening_interval);
}

/** JSON has null where a figure is not known. */
function known(
  own: number | null,
  widening: number | null,
  interval: SpreadOfReport,
  wideningInterval: SpreadOfReport,
): JudgedGap {
  const ends = ([low, high]: SpreadOfReport): Interval | undefined =>
    low === null || high === null ? undefined : [low, high];
  return {
    gap: own ?? undefined,
    widening: widening ?? undefined,
    interval: ends(interval),
    wideningInterval: ends(wideningInterval),
  };
}

type SpreadOfReport = z.infer<typeof spread>;

function endOf(spread: Interval | undefined, judge: 'outside' | 'inside', what: string): number {
  if (spread !== undefined) return judge === 'outside' ? spread[0] : spread[1];
  throw new DataError(
    `the report has no interval for ${what} between the groups that are judged; ` +
      `leave out --min-group, or make it again with another 'reluctant fairness ... --max-width'`,
  );
}

/** The numbers of the reduced models: all but the first, which is the original. */
function reducedModels([first]: readonly GroupOfReport[]): number[] {
  return first!.models.map((_, m) => m).slice(1);
}

function haveSameModels(groups: readonly { models: readonly { model: string }[] }[]): boolean {
  const names = (group: { models: readonly { model: string }[] }) =>
    JSON.stringify(group.models.map(({ model }) => model));
  return groups.every((group) => names(group) === names(groups[0]!));
}

const limitNames = {
  maxGap: 'between the best and the worst group',
  maxWidening: 'more between the best and the worst group than in the original',
  maxExcessDrop: 'lost beyond the average',
} as const;

/** Describes a failure in one line. */
export function describeBrokenLimit({
  model,
  limit,
  group,
  n,
  value,
  interval: own,
  allowed,
}: BrokenLimit): string {
  const spread = own === undefined ? '' : ` (interval ${own.map(plainPoints).join(' to ')})`;
  return (
    `${model}: ${group} (${n} images): ${plainPoints(value)} points${spread} ${limitNames[limit]}, ` +
    `allowed ${plainPoints(allowed)}`
  );
}
