import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../src/shared/errors.ts';
import { packageRoot } from '../../src/shared/files.ts';
import { recipeSchema } from './schema.ts';
import type { Recipe } from './schema.ts';

const folder = join(packageRoot, 'pipelines/recipes');

/** The recipes of the package, in order of their names. */
export function recipeNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** A recipe of the package by name, or one of your own by its file, `*.json`. Throws UsageError for one that there is not or that is malformed. */
export function readRecipe(name: string): Recipe {
  const names = recipeNames();
  const isFile = name.endsWith('.json');
  if (!isFile && !names.includes(name))
    throw new UsageError(
      `recipe '${name}' is not known; there are ${names.join(', ')}, or give a .json file`,
    );
  const path = isFile ? name : join(folder, `${name}.json`);
  const { success, data, error } = recipeSchema.safeParse(parse(path));
  if (!success) throw new UsageError(`${path}: not a recipe:\n${z.prettifyError(error)}`);
  return data;
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`${path}: cannot be read as JSON (${(error as Error).message})`);
  }
}
