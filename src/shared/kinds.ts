/**
 * Kinds by name, each with the code 0, 1, 2, ... that stands for it in an array of bytes. What differs
 * between kinds is in tables by name.
 */
export type KindCodes<K extends string> = { readonly [kind in K]: number };

/** Makes a table with a value for each kind. */
export function byKind<K extends string, T>(
  codes: KindCodes<K>,
  of: (kind: K, code: number) => T,
): { readonly [kind in K]: T } {
  const entries = namesOf(codes).map((kind) => [kind, of(kind, codes[kind])]);
  return Object.fromEntries(entries) as { [kind in K]: T };
}

/** Counts the elements of each kind. This is a plain loop because layers have 10^5 elements. */
export function countByKind<K extends string>(
  codes: KindCodes<K>,
  elements: Uint8Array,
): { readonly [kind in K]: number } {
  const counts = new Uint32Array(256);
  for (let i = 0; i < elements.length; i++) counts[elements[i]!]!++;
  return byKind(codes, (_, code) => counts[code]!);
}

/** The kinds that occur among the elements, in the order of the table of codes. */
export function kindsAmong<K extends string>(codes: KindCodes<K>, elements: Uint8Array): K[] {
  return namesOf(codes).filter((kind) => elements.includes(codes[kind]));
}

/** The kind of all elements; undefined if they differ or there are none. */
export function onlyKind<K extends string>(codes: KindCodes<K>, elements: Uint8Array): K | undefined {
  const first = elements[0];
  if (!elements.every((code) => code === first)) return undefined;
  return namesOf(codes).find((kind) => codes[kind] === first);
}

/** Returns 1 for each element whose kind is true in the table, and 0 for the others. */
export function maskOf<K extends string>(
  codes: KindCodes<K>,
  elements: Uint8Array,
  isMeant: { readonly [kind in K]: boolean },
): Uint8Array {
  const meant = new Uint8Array(256);
  for (const kind of namesOf(codes)) meant[codes[kind]] = isMeant[kind] ? 1 : 0;
  return elements.map((code) => meant[code]!);
}

/**
 * Whether every element has a known kind. This is a plain loop because a callback per element takes 1 ms for
 * 65,536.
 */
export function areKinds<K extends string>(codes: KindCodes<K>, elements: Uint8Array): boolean {
  const { length } = namesOf(codes);
  for (let i = 0; i < elements.length; i++) if (elements[i]! >= length) return false;
  return true;
}

/** The names of a table by kind, in its order. */
export function namesOf<K extends string>(table: { readonly [kind in K]: unknown }): K[] {
  return Object.keys(table) as K[];
}
