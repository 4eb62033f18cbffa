import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/shared/files.ts';

/** Pages that show the library in twenty lines. */
export const pagesWithExample: readonly string[] = ['docs/library.md', 'README.md'];

/** The page's program as it is there: its first code block that imports the package. */
export function exampleOf(page: string): string {
  const blocks = readFileSync(join(packageRoot, page), 'utf8').matchAll(/^```js\n(.*?)^```$/gms);
  const found = [...blocks].map(([, code]) => code!).find((code) => code.includes(`from 'reluctant'`));
  if (found === undefined) throw new Error(`${page}: has no block of JavaScript that imports 'reluctant'`);
  return found;
}

/** What the program prints. */
export const exampleOutput =
  /^9\d\.\d % of 1500 test images are right\nimage 7 is of class Shirt; the server has not seen it\n$/;
