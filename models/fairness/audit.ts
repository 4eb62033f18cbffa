import * as z from 'zod';
import { plainPoints } from '../../src/shared/format.ts';
import { DataError } from '../../src/shared/errors.ts';
import { gap } from './metrics.ts';

/** Fractions of 1; a limit that is left out is not held. */
export type Limits = {
  /** Between the best and the worst group's accuracy. */
  readonly maxGap?: number;
  /** The gap's growth against the original. */
  readonly maxWidening?: number;
  /** Of each group. */
  readonly maxExcessDrop?: number;
  /** Groups with fewer samples are not judged. */
  readonly minGroup: number;
};

export type Failure = {
  readonly model: string;
  readonly limit: 'maxGap' | 'maxWidening' | 'maxExcessDrop';
  /** The groups at fault: the one that loses; for a gap, the worst. */
  readonly group: string;
  readonly n: number;
  readonly value: number;
  readonly allowed: number;
};

export type Audit = {
  readonly passed: boolean;
  readonly limits: Limits;
  readonly judged: readonly { readonly group: string; readonly n: number }[];
  readonly tooSmall: readonly { readonly group: string; readonly n: number }[];
  readonly failures: readonly Failure[];
};

const reportSchema = z.object({
  groups: z
    .array(
      z.object({
        group: z.string(),
        n: z.number().int().positive(),
        models: z
          .array(z.object({ model: z.string(), accuracy: z.number().min(0).max(1), excess_drop: z.number() }))
          .min(2),
      }),
    )
    .min(1)
    .refine(haveSameModels, 'all groups must list the same models'),
});

/** What an audit reads of a report, keys as in its JSON. */
export type AuditedReport = z.infer<typeof reportSchema>;

/** Reads what `fairness --json` printed. Throws DataError naming `source` and the place where it is anything else. */
export function parseReport(text: string, source: string): AuditedReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DataError(`${source}: is no JSON; expected what 'reluctant fairness --json' prints`);
  }
  const parsed = reportSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new DataError(
    `${source}: is no fairness report: ${issue.path.join('.') || 'the document'}: ${issue.message}`,
  );
}

/** Holds every reduced model to the limits; gaps are between the groups large enough. It does not pass where none is. */
export function audit(report: AuditedReport, limits: Limits): Audit {
  const small = ({ n }: { n: number }) => n < limits.minGroup;
  const judged = report.groups.filter((group) => !small(group));
  const failures =
    judged.length === 0 ? [] : reducedModels(judged).flatMap((m) => failuresOf(judged, m, limits));
  return {
    passed: judged.length > 0 && failures.length === 0,
    limits,
    judged: judged.map(({ group, n }) => ({ group, n })),
    tooSmall: report.groups.filter(small).map(({ group, n }) => ({ group, n })),
    failures,
  };
}

type GroupOfReport = AuditedReport['groups'][number];

/** Of binary fractions: 0.9 - 0.8 is above 0.1 by 3e-17, which is no failure. */
const rounding = 1e-9;

function failuresOf(judged: readonly GroupOfReport[], m: number, limits: Limits): Failure[] {
  const accuracies = (model: number) => judged.map(({ models }) => models[model]!.accuracy);
  const now = gap(accuracies(m));
  const worst = judged[accuracies(m).indexOf(Math.min(...accuracies(m)))]!;
  const found = [
    { limit: 'maxGap', at: worst, value: now },
    { limit: 'maxWidening', at: worst, value: now - gap(accuracies(0)) },
    ...judged.map((at) => ({ limit: 'maxExcessDrop', at, value: at.models[m]!.excess_drop }) as const),
  ] as const;
  return found.flatMap(({ limit, at, value }) => {
    const allowed = limits[limit];
    if (allowed === undefined || value <= allowed + rounding) return [];
    return [{ model: at.models[m]!.model, limit, group: at.group, n: at.n, value, allowed }];
  });
}

/** All but the first, the original. */
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

/** One line on a failure. */
export function describeFailure({ model, limit, group, n, value, allowed }: Failure): string {
  return (
    `${model}: ${group} (${n} images): ${plainPoints(value)} points ${limitNames[limit]}, ` +
    `allowed ${plainPoints(allowed)}`
  );
}
