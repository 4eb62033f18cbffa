import { readFileSync } from 'node:fs';
import { globSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../src/shared/files.ts';

/** Imports only go down: rank 3 joins, rank 2 sees both, rank 1 rooms never see each other, rank 0 imports node: only. */
function rankOf(file: string): { rank: number; room: string } {
  if (file.startsWith('src/shared/')) return { rank: 0, room: 'src/shared' };
  if (file.startsWith('models/')) return { rank: 1, room: 'models' };
  if (file.startsWith('crypto/')) return { rank: 1, room: 'crypto' };
  if (file.startsWith('pipelines/')) return { rank: 2, room: 'pipelines' };
  return { rank: 3, room: 'src' };
}

const importPattern = /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/g;

function importsOf(file: string): string[] {
  const text = readFileSync(join(packageRoot, file), 'utf8');
  return [...text.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? '');
}

const files = globSync('{src,models,crypto,pipelines}/**/*.ts', { cwd: packageRoot })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => !file.endsWith('.as.ts') && !file.endsWith('.d.ts'));

/** One line for each import that goes up or sideways. */
export function violations(file: string, imports: readonly string[]): string[] {
  const from = rankOf(file);
  const found: string[] = [];
  for (const name of imports) {
    if (name.startsWith('.')) {
      const target = normalize(join(dirname(file), name)).replaceAll('\\', '/');
      const to = rankOf(target);
      if (to.rank > from.rank || (to.rank === from.rank && to.room !== from.room))
        found.push(`${file} -> ${target}`);
    } else if (from.rank === 0 && !name.startsWith('node:')) {
      found.push(`${file} -> ${name}`);
    } else if (name === 'node-seal' && !file.startsWith('crypto/he/')) {
      found.push(`${file} -> ${name}`);
    } else if (name.startsWith('@bufbuild/') && !file.startsWith('models/onnx/')) {
      found.push(`${file} -> ${name}`);
    } else if (name === 'node:crypto' && file.startsWith('crypto/') && !file.startsWith('crypto/platform/')) {
      found.push(`${file} -> ${name}`);
    }
  }
  return found;
}

test('imports only go down', () => {
  expect(files.length).toBeGreaterThan(5);
  expect(files.flatMap((file) => violations(file, importsOf(file)))).toEqual([]);
});

test('an import that goes up or sideways is found', () => {
  expect(violations('models/runtime/run.ts', ['../crypto/share.ts'])).toHaveLength(1);
  expect(violations('src/shared/files.ts', ['zod'])).toHaveLength(1);
  expect(violations('crypto/ot/base.ts', ['node-seal', '../../pipelines/plan/plan.ts'])).toHaveLength(2);
  expect(violations('pipelines/compile/compile.ts', ['../models/graph.ts', '../crypto/params.ts'])).toEqual(
    [],
  );
});
