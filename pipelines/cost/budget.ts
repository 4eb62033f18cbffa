import { UsageError } from '../../src/shared/errors.ts';
import * as format from '../../src/shared/format.ts';
import type { Latency } from './latency.ts';
import { isProfileName, profileNames, profiles } from './profiles.ts';
import type { NetworkProfile } from './profiles.ts';

/** The part of an inference that a cost budget limits. */
export const budgetPhases = ['online', 'offline', 'total'] as const;
export type BudgetPhase = (typeof budgetPhases)[number];

/** A limit on the seconds or bytes of one inference on a network. Bytes are those of both directions. */
export type CostBudget = {
  readonly unit: 'seconds' | 'bytes';
  readonly limit: number;
  readonly profile: NetworkProfile;
  readonly phase: BudgetPhase;
};

/** A number of ReLUs to keep, as a count or as a share in (0, 1), or a limit on the cost of one inference. */
export type Budget = number | CostBudget;

export const budgetForms =
  'a count or share of ReLUs (12000, 0.25), or seconds or bytes on a network (0.3s@wan, 250ms@lan, 20MB@lan) ' +
  'for the online phase, or with :offline or :total (5s@wan:total)';

/**
 * Reads a budget: '12000', '0.25', '0.3s@wan', '20MB@lan:total'. Throws UsageError for any other text, and
 * for '1.0', which may be a share or a count.
 */
export function parseBudget(text: string): Budget {
  const cost = /^([\d.]+) ?([a-zA-Z]+)@(\w+)(?::(\w+))?$/.exec(text.trim());
  if (cost !== null) return costBudget(text, cost.slice(1) as [string, string, string, string?]);
  const count = text.trim() === '' ? NaN : Number(text);
  if (count >= 1 && text.includes('.')) throw ambiguous(text, count);
  if (Number.isFinite(count) && count >= 0) return count;
  throw refusal(text);
}

/**
 * Reads budgets separated by commas, for example '0.5,0.25,0.3s@wan'. Throws UsageError as `parseBudget`
 * does.
 */
export function parseBudgets(text: string): Budget[] {
  return text.split(',').map(parseBudget);
}

const units: Readonly<Record<string, readonly [CostBudget['unit'], number]>> = {
  s: ['seconds', 1],
  ms: ['seconds', 1e-3],
  B: ['bytes', 1],
  kB: ['bytes', 1e3],
  KB: ['bytes', 1e3],
  MB: ['bytes', 1e6],
  GB: ['bytes', 1e9],
};

function costBudget(
  text: string,
  [amount, name, profile, phase = 'online']: readonly [string, string, string, string?],
) {
  const limit = Number(amount);
  const unit = Object.hasOwn(units, name) ? units[name] : undefined;
  const isPhase = (word: string): word is BudgetPhase => (budgetPhases as readonly string[]).includes(word);
  if (unit === undefined || !(limit > 0) || !isProfileName(profile) || !isPhase(phase)) throw refusal(text);
  return { unit: unit[0], limit: limit * unit[1], profile: profiles[profile], phase };
}

/** '1.0' may be meant as all ReLUs or as one. */
function ambiguous(text: string, count: number): UsageError {
  return new UsageError(
    `budget: '${text}' may be a share or a count: write a share below 1, such as 0.5, ` +
      `or a count without a point, such as ${Math.round(count)}` +
      (count === 1 ? ' (all ReLUs is the original network)' : ''),
  );
}

function refusal(text: string): UsageError {
  return new UsageError(
    `budget: expected ${budgetForms}; networks: ${profileNames.join(', ')}; got '${text}'`,
  );
}

/** Describes a budget for people: '300 ms online on wan', '20 MB in all on lan'. */
export function describeCostBudget({ unit, limit, profile, phase }: CostBudget): string {
  return `${exactCost(unit, limit)} ${phase === 'total' ? 'in all' : phase} on ${profile.name}`;
}

/** Writes a budget in the form that `parseBudget` reads: '0.25', '0.3s@wan', '20000000B@lan:total'. */
export function writeBudget(budget: Budget): string {
  if (typeof budget === 'number') return String(budget);
  const { unit, limit, profile, phase } = budget;
  const suffix = phase === 'online' ? '' : `:${phase}`;
  return `${limit}${unit === 'seconds' ? 's' : 'B'}@${profile.name}${suffix}`;
}

/**
 * Writes a cost with four digits ('1.267 s', '843 ms', '20.48 MB'), because with fewer a budget and a cost
 * that just misses it would look the same.
 */
export function exactCost(unit: CostBudget['unit'], value: number): string {
  const symbol = unit === 'seconds' ? (value < 1 ? 'ms' : 's') : value < 1e6 ? 'kB' : 'MB';
  return `${Number((value / units[symbol]![1]).toPrecision(4))} ${symbol}`;
}

export function describeCost(unit: CostBudget['unit'], value: number): string {
  return unit === 'seconds' ? format.duration(value) : format.bytes(value);
}

/** The part of a predicted inference that a budget limits, in seconds or bytes. */
export function costIn({ unit, phase }: CostBudget, { offline, online }: Latency): number {
  const phases = phase === 'total' ? [offline, online] : [phase === 'online' ? online : offline];
  return phases.reduce(
    (sum, { seconds, bytes_up, bytes_down }) => sum + (unit === 'seconds' ? seconds : bytes_up + bytes_down),
    0,
  );
}
