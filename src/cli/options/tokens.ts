import { checkToken } from '../../net/token.ts';
import type { NamedToken } from '../../net/access.ts';
import { UsageError } from '../../shared/errors.ts';
import { readNamedFile } from './named-file.ts';

/**
 * Reads the tokens of a file, at least one: each line is `token` or `name: token`. Blank lines and lines that
 * begin with # are skipped. A token without a name is named after its line. `flag` names the option in
 * errors.
 */
export async function readTokens(flag: string, file: string): Promise<readonly NamedToken[]> {
  const lines = String(await readNamedFile(flag, file))
    .split('\n')
    .map((line) => line.trim());
  const tokens = lines.flatMap((line, i) =>
    line === '' || line.startsWith('#') ? [] : [namedToken(line, i)],
  );
  if (tokens.length === 0) throw new UsageError(`${flag} ${file}: expected one token per line, found none`);
  tokens.forEach(({ name, token }) => checkToken(token, `${flag} ${file}: ${name}`));
  const names = new Set(tokens.map(({ name }) => name));
  if (names.size < tokens.length)
    throw new UsageError(`${flag} ${file}: two tokens have the same name; give each its own`);
  refuseTwins(tokens, `${flag} ${file}`);
  return tokens;
}

/** One client of two that show the same token would go by the other's name in the log. */
function refuseTwins(tokens: readonly NamedToken[], where: string): void {
  const twin = tokens.find(({ token }, i) => tokens.findIndex((other) => other.token === token) < i);
  if (twin === undefined) return;
  const first = tokens.find(({ token }) => token === twin.token)!;
  throw new UsageError(`${where}: ${first.name} and ${twin.name} have the same token; give each its own`);
}

function namedToken(line: string, index: number): NamedToken {
  const [, name, token] = /^([\w.@-]+):\s+(\S.*)$/.exec(line) ?? [];
  return { name: name ?? `line ${index + 1}`, token: token ?? line };
}
