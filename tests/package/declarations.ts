import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

export type Reached = {
  /** Paths within the package. */
  readonly files: readonly string[];
  /** Of them those that are not there. */
  readonly missing: readonly string[];
  /** Packages that the declarations import. */
  readonly packages: readonly string[];
};

const importPattern = /(?:\bfrom|\bimport\()\s*["']([^"']+)["']/g;

/** The declaration files that a user's compiler reads, from `entry` on; paths within `root`. */
export function reachedDeclarations(root: string, entry: string): Reached {
  const [files, missing, packages] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    if (!existsSync(join(root, file))) return void missing.add(file);
    for (const [, name] of readFileSync(join(root, file), 'utf8').matchAll(importPattern)) {
      if (name!.startsWith('.')) visit(posix.join(dirname(file), name!.replace(/\.[jt]s$/, '.d.ts')));
      else packages.add(packageOf(name!));
    }
  };
  visit(entry);
  return { files: [...files], missing: [...missing], packages: [...packages].sort() };
}

/** '@scope/name/path' -> '@scope/name' */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}
