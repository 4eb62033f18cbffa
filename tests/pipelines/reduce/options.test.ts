import { expect, test } from 'vitest';
import { readRecipe } from '../../../pipelines/recipes/read.ts';
import { recipeSchema } from '../../../pipelines/recipes/schema.ts';
import {
  checkTaken,
  givenIn,
  helpOf,
  refusalOf,
  takenBy,
  takersOf,
} from '../../../pipelines/reduce/options.ts';
import { UsageError } from '../../../src/shared/errors.ts';

test('a refusal names the methods that take the option', () => {
  expect(takersOf('granularity')).toEqual(['snl', 'autorep', 'taylor', 'deepreshape']);
  expect(refusalOf('granularity', ['hybrid'])).toBe(
    'option granularity: hybrid does not take it; snl, autorep, taylor and deepreshape do',
  );
  expect(refusalOf('costBudget', ['snl', 'autorep'])).toBe(
    'a budget in seconds or bytes: snl and autorep do not take it; hybrid does',
  );
});

test('an option is refused where none of the methods takes it, and only where it is given', () => {
  const given = { alpha: 0.5, reuse: undefined };
  expect(() => checkTaken(['snl', 'deepreduce'], given)).not.toThrow();
  expect(() => checkTaken(['snl', 'autorep'], given)).toThrow(UsageError);
});

test('what a method takes is kept as it is', () => {
  expect(takenBy('snl', { granularity: 'pixel', alpha: 1, replace: null })).toEqual({
    granularity: 'pixel',
    replace: null,
  });
});

test('settings of a method, budgets in seconds and 0 epochs count as options', () => {
  const given = givenIn({ budget: 5, deepreduce: { alpha: 1 }, deepreshape: { reuse: 2 }, searchEpochs: 0 });
  expect(Object.entries(given).filter(([, value]) => value !== undefined)).toEqual([
    ['alpha', 1],
    ['reuse', 2],
    ['searchEpochs', 0],
    ['noSearch', true],
  ]);
});

test('help says the methods where they are not all, and the default, of each where they differ', () => {
  expect(helpOf('alpha')).toMatch(/\. Methods: deepreduce \(default: 1\)$/);
  expect(helpOf('checkpoint')).not.toMatch(/Methods|default/);
  expect(helpOf('replace')).toMatch(
    / \(default: deepreduce and autorep: quadratic; snl and taylor: identity; /,
  );
});

test('a recipe with an option of another method is no recipe, and says why', () => {
  const recipe = readRecipe('snl-cifar100-resnet18-13k');
  const reduce = { ...recipe.reduce, method: 'deepreduce' };
  const { success, error } = recipeSchema.safeParse({ ...recipe, reduce });
  expect(success).toBe(false);
  expect(error!.issues.map(({ message }) => message)).toContain(
    'option granularity: deepreduce does not take it; snl, autorep, taylor and deepreshape do',
  );
});
