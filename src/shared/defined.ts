/**
 * Returns `entries` without those that are undefined, for types whose optional properties may be missing but
 * not undefined: `defined({ a, b })` replaces `{ a, ...(b !== undefined && { b }) }`. Null, false, 0 and ''
 * are kept.
 */
export function defined<const T extends object>(entries: T): Defined<T> {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/** The properties of T that may be undefined become optional; the others stay required. */
export type Defined<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};
