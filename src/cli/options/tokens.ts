import { readFile } from 'node:fs/promises';
import { checkToken } from '../../net/access.ts';
import { UsageError } from '../../shared/errors.ts';

/** The tokens of a file, one a line, blank lines left out; at least one. `flag` names the option in errors. */
export async function readTokens(flag: string, file: string): Promise<readonly string[]> {
  const lines = (await contents(flag, file)).split('\n').map((line) => line.trim());
  const tokens = lines.filter((line) => line !== '');
  if (tokens.length === 0) throw new UsageError(`${flag} ${file}: expected a token, the file is empty`);
  return tokens.map((token, i) => checkToken(token, `${flag} ${file}: token ${i + 1}`));
}

async function contents(flag: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${flag} ${file}: ${(error as Error).message}`);
  }
}
