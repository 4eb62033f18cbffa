/**
 * Checks of a JSON document that came from a peer: each takes an unknown value and returns it with a type, or
 * throws a Malformed that says where and what was expected. A library for it, zod, is two thirds of a
 * browser's client.
 */
export type Check<T> = (value: unknown, path: readonly string[]) => T;
export type Checked<C> = C extends Check<infer T> ? T : never;

/** A document is not what was expected. */
export class Malformed extends Error {
  constructor(path: readonly string[], expected: string) {
    super(`${path.length === 0 ? '' : `${path.join('.')}: `}expected ${expected}`);
  }
}

/** A finite number from `least` to `most`. */
export function number(least = -Infinity, most = Infinity): Check<number> {
  return within(Number.isFinite, 'a number', least, most);
}

export function integer(least: number, most: number): Check<number> {
  return within(Number.isInteger, 'an integer', least, most);
}

function within(
  isOne: (value: unknown) => boolean,
  name: string,
  least: number,
  most: number,
): Check<number> {
  return (value, path) => {
    if (isOne(value) && (value as number) >= least && (value as number) <= most) return value as number;
    throw new Malformed(path, name + range(least, most));
  };
}

function range(least: number, most: number): string {
  if (least === -Infinity && most === Infinity) return '';
  return most === Infinity ? ` of at least ${least}` : ` from ${least} to ${most}`;
}

/** A string of so many characters, which fits a pattern described by `expected`. */
export function text(maxLength = Infinity, pattern = /(?:)/, expected = 'a string'): Check<string> {
  return (value, path) => {
    if (typeof value !== 'string' || !pattern.test(value)) throw new Malformed(path, expected);
    if (value.length > maxLength) throw new Malformed(path, `at most ${maxLength} characters`);
    return value;
  };
}

/** One of a few values. */
export function oneOf<const T extends string | number | boolean | null>(...values: readonly T[]): Check<T> {
  return (value, path) => {
    if ((values as readonly unknown[]).includes(value)) return value as T;
    const got = (JSON.stringify(value) ?? 'nothing').slice(0, 40);
    throw new Malformed(path, `${values.map((one) => JSON.stringify(one)).join(' or ')}, got ${got}`);
  };
}

/** What either of two checks takes. */
export function either<A, B>(one: Check<A>, other: Check<B>): Check<A | B> {
  return (value, path) => {
    try {
      return one(value, path);
    } catch {
      return other(value, path);
    }
  };
}

export function list<T>(item: Check<T>, least: number, most: number): Check<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new Malformed(path, 'an array');
    if (value.length < least || value.length > most)
      throw new Malformed(path, `an array of ${least} to ${most}`);
    return value.map((one, i) => item(one, [...path, String(i)]));
  };
}

export function pairOf<T>(item: Check<T>): Check<[T, T]> {
  return list(item, 2, 2) as Check<unknown> as Check<[T, T]>;
}

export function fourOf<T>(item: Check<T>): Check<[T, T, T, T]> {
  return list(item, 4, 4) as Check<unknown> as Check<[T, T, T, T]>;
}

type Fields = Readonly<Record<string, Check<unknown>>>;
type Required<F extends Fields> = { -readonly [K in keyof F]: Checked<F[K]> };
type Optional<F extends Fields> = { -readonly [K in keyof F]?: Checked<F[K]> };

/** An object with these fields, those of `optional` if they are there, and no other. */
export function record<F extends Fields>(fields: F): Check<Required<F>>;
export function record<F extends Fields, O extends Fields>(
  fields: F,
  optional: O,
): Check<Required<F> & Optional<O>>;
export function record(fields: Fields, optional: Fields = {}): Check<Record<string, unknown>> {
  const all = { ...fields, ...optional };
  return (value, path) => {
    const object = asObject(value, path);
    const unknown = Object.keys(object).find((key) => !Object.hasOwn(all, key));
    if (unknown !== undefined) throw new Malformed(path, `no field ${JSON.stringify(unknown.slice(0, 40))}`);
    const given = Object.keys(all).filter((key) => Object.hasOwn(fields, key) || Object.hasOwn(object, key));
    return Object.fromEntries(given.map((key) => [key, all[key]!(object[key], [...path, key])]));
  };
}

/** An object whose field `key` says which of the checks it has to pass. */
export function variants<V extends Readonly<Record<string, Check<unknown>>>>(
  key: string,
  checks: V,
): Check<Checked<V[keyof V]>> {
  return (value, path) => {
    const kind = asObject(value, path)[key];
    if (typeof kind !== 'string' || !Object.hasOwn(checks, kind))
      throw new Malformed([...path, key], Object.keys(checks).join(', '));
    return checks[kind]!(value, path) as Checked<V[keyof V]>;
  };
}

function asObject(value: unknown, path: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Malformed(path, 'an object');
  return value as Readonly<Record<string, unknown>>;
}
