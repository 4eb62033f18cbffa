import type { Replacement } from '../../models/graph.ts';
import { UsageError } from '../../src/shared/errors.ts';
import type { Granularity } from '../reduce/gates/layer-states.ts';
import { methodNames } from '../reduce/methods.ts';
import type { MethodName } from '../reduce/methods.ts';
import { refusalOf, takersOf } from '../reduce/options.ts';
import type { Ranking } from '../reduce/ranking.ts';
import { agreementRange, isAgreement } from '../simulate/agreement-bound.ts';
import { originalMethod } from './job.ts';
import type { CircaSetting, JobSpec } from './job.ts';

/** What a point is called apart from its budget and seed. Tables and pictures show it as one series. */
export type Series = Pick<JobSpec, 'method' | keyof Additions>;

/** A series other than the original. */
export type MethodSeries = Series & { readonly method: MethodName };

/** The settings that additions to a method's name give (null: the method's own). */
type Additions = Pick<
  JobSpec,
  'granularity' | 'replace' | 'ranking' | 'featureLoss' | 'rangeLoss' | 'agreement' | 'circa'
>;

type Word = Granularity | Replacement | Ranking | 'feature-loss' | 'range-loss' | 'agreement' | 'circa';

type Addition = {
  /** A method takes at most one addition of each kind. */
  readonly kind: keyof Additions;
  /** The number that follows it, as in +feature-loss=1000; undefined if none does. */
  readonly number?: NumberForm;
  readonly valueOf: (given: Given) => Partial<Additions>;
};

type NumberForm = {
  readonly example: number;
  readonly isTaken: (number: number) => boolean;
  /** What is taken, in words. */
  readonly range: string;
};

/** What an addition's value is made of: the sweep's limits of windows, and the number behind it. */
type Given = { readonly circa: CircaSetting; readonly number: number };

const additions: { readonly [W in Word]: Addition } = {
  pixel: ofGates('pixel'),
  channel: ofGates('channel'),
  none: replacedBy('none'),
  identity: replacedBy('identity'),
  affine: replacedBy('affine'),
  quadratic: replacedBy('quadratic'),
  mixed: replacedBy('mixed'),
  divergence: rankedBy('divergence'),
  taylor: rankedBy('taylor'),
  'feature-loss': {
    ...{ kind: 'featureLoss', number: weight(1000) },
    valueOf: ({ number }) => ({ featureLoss: number }),
  },
  'range-loss': {
    ...{ kind: 'rangeLoss', number: weight(0.001) },
    valueOf: ({ number }) => ({ rangeLoss: number }),
  },
  agreement: {
    kind: 'agreement',
    number: { example: 0.99, isTaken: isAgreement, range: agreementRange },
    valueOf: ({ number }) => ({ agreement: number }),
  },
  circa: { kind: 'circa', valueOf: ({ circa }) => ({ circa }) },
};

function ofGates(granularity: Granularity): Addition {
  return { kind: 'granularity', valueOf: () => ({ granularity }) };
}

function replacedBy(replace: Replacement): Addition {
  return { kind: 'replace', valueOf: () => ({ replace }) };
}

function weight(example: number): NumberForm {
  return { example, isTaken: (number) => Number.isFinite(number) && number > 0, range: 'above 0' };
}

function rankedBy(ranking: Ranking): Addition {
  return { kind: 'ranking', valueOf: () => ({ ranking }) };
}

const words = Object.keys(additions) as Word[];

/**
 * The methods that take additions of a kind. The plan of any method's network can have fewer bits and
 * sign-test windows.
 */
function methodsWith(kind: keyof Additions): readonly MethodName[] {
  return kind === 'circa' || kind === 'agreement' ? methodNames : takersOf(kind);
}

/** The help text: 'give each alone or with +none, +identity ...; snl ... also with +pixel, +channel'. */
function describeAdditions(): string {
  const isForAll = (word: Word) => methodsWith(additions[word].kind).length === methodNames.length;
  const kinds = new Set(words.filter((word) => !isForAll(word)).map((word) => additions[word].kind));
  const also = [...kinds].map(
    (kind) => `${methodsWith(kind).join(', ')} also with ${listed((word) => additions[word].kind === kind)}`,
  );
  return [`give each alone or with ${listed(isForAll)}`, ...also].join('; ');
}

export const additionsHelp: string = describeAdditions();

function listed(isMeant: (word: Word) => boolean): string {
  return words
    .filter(isMeant)
    .map((word) => `+${written(word)}`)
    .join(', ');
}

/** 'taylor', 'feature-loss=1000' */
function written(word: Word, number: number | undefined = additions[word].number?.example): string {
  return number === undefined ? word : `${word}=${number}`;
}

/** The name of a series, with additions always in this order: 'snl', 'autorep+channel+quadratic+circa'. */
export function seriesName(series: Series): string {
  const { method, granularity, replace, ranking, featureLoss, rangeLoss, agreement, circa } = series;
  const numbers = [
    featureLoss === null ? null : written('feature-loss', featureLoss),
    rangeLoss === null ? null : written('range-loss', rangeLoss),
    agreement === null ? null : written('agreement', agreement),
  ];
  const parts = [method, granularity, replace, ranking, ...numbers, circa === null ? null : 'circa'];
  return parts.filter((part) => part !== null).join('+');
}

/** Whether a series is the network as it was given, whatever the bits of its plan. */
export function isOriginal(series: string): boolean {
  return series.split('+')[0] === originalMethod;
}

/** Describes a job for people: 'snl 0.25 seed 2'. */
export function describeJob(spec: JobSpec): string {
  return spec.method === originalMethod
    ? seriesName(spec)
    : `${seriesName(spec)} ${spec.budget} seed ${spec.seed}`;
}

/**
 * Reads series separated by commas ('deepreduce,snl+quadratic+circa') and returns each once. Throws
 * UsageError for an unknown method or addition, an addition that the method does not take, and two additions
 * of one kind.
 */
export function parseMethods(text: string, circa: CircaSetting): MethodSeries[] {
  const series = distinct(text).map((word) => parseSeries(word, circa));
  return [...new Map(series.map((one) => [seriesName(one), one])).values()];
}

function parseSeries(text: string, circa: CircaSetting): MethodSeries {
  const [name, ...added] = text.split('+');
  const method = methodNames.find((known) => known === name);
  if (method === undefined)
    throw new UsageError(
      `--methods: '${name}' is not known; there are ${methodNames.join(', ')}; ${additionsHelp}`,
    );
  const series: MethodSeries = { method, ...noAdditions };
  return added.reduce((before, one) => {
    const [word = '', value] = one.split('=');
    const found = addition(text, before, word);
    return { ...before, ...found.valueOf({ circa, number: numberOf(text, found, value) }) };
  }, series);
}

const noAdditions: Additions = {
  granularity: null,
  replace: null,
  ranking: null,
  featureLoss: null,
  rangeLoss: null,
  agreement: null,
  circa: null,
};

/** The number behind an addition; NaN for one that takes none. */
function numberOf(text: string, { kind, number: form }: Addition, value: string | undefined): number {
  if (form === undefined && value === undefined) return NaN;
  const number = value === undefined || value === '' ? NaN : Number(value);
  if (form?.isTaken(number) === true) return number;
  throw new UsageError(
    `--methods: '${text}': expected ${listed((other) => additions[other].kind === kind)}` +
      (form === undefined ? ' without a number' : `, or another number ${form.range}`),
  );
}

function addition(text: string, series: MethodSeries, name: string): Addition {
  const word = words.find((known) => known === name);
  if (word === undefined)
    throw new UsageError(`--methods: '${text}': '+${name}' is not known; ${additionsHelp}`);
  const { kind } = additions[word];
  if (kind !== 'circa' && !methodsWith(kind).includes(series.method))
    throw new UsageError(`--methods: '${text}': ${refusalOf(kind, [series.method])}`);
  if (series[kind] !== null)
    throw new UsageError(
      `--methods: '${text}': expected at most one of ${listed((other) => additions[other].kind === kind)}`,
    );
  return additions[word];
}

/** Splits a text at commas and returns each word once. Throws UsageError if there is none. */
export function distinct(text: string): string[] {
  const found = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  if (found.length === 0)
    throw new UsageError(`expected names or numbers separated by commas, got '${text}'`);
  return [...new Set(found)];
}
