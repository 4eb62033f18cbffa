import { readFile } from 'node:fs/promises';
import { UsageError } from '../../shared/errors.ts';
import { unreadable } from '../../shared/unreadable.ts';

/** Reads a file that an option names. Throws UsageError, which says why it cannot be read. */
export async function readNamedFile(option: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new UsageError(`${option} ${file}: ${unreadable(error)}`);
  }
}
