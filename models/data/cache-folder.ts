import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where what can be made again is kept, by name: under $XDG_CACHE_HOME, or ~/.cache. */
export function cacheFolder(name: string): string {
  const cache = process.env['XDG_CACHE_HOME'];
  const root = cache === undefined || cache === '' ? join(homedir(), '.cache') : cache;
  return join(root, 'reluctant', name);
}
