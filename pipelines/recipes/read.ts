import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../src/shared/errors.ts';
import { packageRoot } from '../../src/shared/files.ts';
import { recipeSchema } from './schema.ts';
import type { Recipe } from './schema.ts';

const folder = join(packageRoot, 'pipelines/recipes');

/** The names of the package's recipes, in alphabetical order. */
export function recipeNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/**
 * Reads a recipe of the package by name, or your own recipe from a file `*.json`. Throws UsageError for a
 * recipe that does not exist or is malformed.
 */
export function readRecipe(name: string): Recipe {
  const names = recipeNames();
  const isFile = name.endsWith('.json');
  if (!isFile && !names.includes(name))
    throw new UsageError(
      `recipe '${name}' is not known; there are ${names.join(', ')}, or give a .json file`,
    );
  const path = isFile ? name : join(folder, `${name}.json`);
  const { success, data, error } = recipeSchema.safeParse(parse(path));
  if (!success) {
    const faults = error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new UsageError(`${path}: it is not a recipe: ${faults.join('; ')}`);
  }
  return data;
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`${path}: it cannot be read as JSON (${(error as Error).message})`);
  }
}
