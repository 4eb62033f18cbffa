import { DataError } from '../../../src/shared/errors.ts';

/** A table with a header; `lines[i]` is the line of the file on which row i begins. */
export type Csv = {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly lines: readonly number[];
};

type Line = { readonly fields: string[]; readonly line: number };

/**
 * Parses comma-separated values as in RFC 4180: a field may be quoted with double quotes, and a quote inside
 * it is doubled. Empty lines are skipped. Throws DataError that names the line.
 */
export function parseCsv(text: string, name: string): Csv {
  const [header, ...records] = recordsOf(text.replace(/^\uFEFF/, ''), name);
  if (header === undefined) throw new DataError(`${name}: expected a header line, got an empty file`);
  const columns = header.fields.map((field) => field.trim());
  for (const { fields, line } of records) {
    if (fields.length !== columns.length) {
      throw new DataError(`${name}: line ${line}: expected ${columns.length} fields, got ${fields.length}`);
    }
  }
  return { columns, rows: records.map(({ fields }) => fields), lines: records.map(({ line }) => line) };
}

/** A field, quoted or plain, and the separator after it. */
const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;

function recordsOf(text: string, name: string): Line[] {
  const records: Line[] = [];
  let [fields, line, start] = [[] as string[], 1, 1];
  field.lastIndex = 0;
  while (field.lastIndex < text.length || fields.length > 0) {
    const match = field.exec(text);
    if (match === null)
      throw new DataError(
        `${name}: line ${line}: a quote is not closed, or is inside a field without quotes`,
      );
    const [, quoted, plain = '', end] = match;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += quoted?.match(/\n/g)?.length ?? 0;
    if (end === ',') continue;
    if (fields.length > 1 || fields[0] !== '' || quoted !== undefined) records.push({ fields, line: start });
    fields = [];
    start = ++line;
  }
  return records;
}
