import Table from 'cli-table3';

/** The output of a command: `value` for --json (camelCase, printed in snake_case), `text` for people. */
export type Output = { readonly value: unknown; readonly text: string };

/** Keys become snake_case and typed arrays lists; JSON writes numbers that it cannot hold as null. */
export function toJson(value: unknown): unknown {
  if (value instanceof Map) throw new TypeError('toJson: maps have no keys to rename; use a list');
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeCase(key), toJson(inner)]));
}

function snakeCase(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A column's title; numbers are aligned to the right. */
export type Column = { readonly title: string; readonly align?: 'left' | 'right' };

/** A table in plain characters, without colours, so that it reads the same in a file. */
export function table(columns: readonly Column[], rows: readonly (readonly (string | number)[])[]): string {
  const grid = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align = 'right' }) => align),
    style: { head: [], border: [], compact: true },
    chars: borders,
  });
  grid.push(...rows.map((row) => [...row]));
  return grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const borders = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  right: '',
  'right-mid': '',
  mid: '─',
  'mid-mid': '─',
  middle: ' ',
};
