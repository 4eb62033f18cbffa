import { expect, expectTypeOf, test } from 'vitest';
import { defined } from '../../../src/shared/defined.ts';

type Options = { readonly name: string; readonly threads?: number; readonly form?: 'hinge' | 'plain' };

test('entries that are undefined are left out, those that are merely falsy stay', () => {
  const found = defined({ a: undefined, b: null, c: false, d: 0, e: '', f: Number.NaN });
  expect(Object.entries(found)).toEqual([
    ['b', null],
    ['c', false],
    ['d', 0],
    ['e', ''],
    ['f', Number.NaN],
  ]);
});

test('the order of entries stays', () => {
  expect(Object.keys(defined({ z: 1, gone: undefined, a: 2, m: 3 }))).toEqual(['z', 'a', 'm']);
});

test('an entry that may be undefined becomes optional, the others stay required', () => {
  const threads = [4, undefined].at(1);
  const options: Options = defined({ name: 'a', threads, form: 'hinge' });
  expect(options).toStrictEqual({ name: 'a', form: 'hinge' });
  const name = ['a', undefined].at(1);
  // @ts-expect-error name is required and may be undefined here
  const refused: Options = defined({ name });
  expect(refused).toStrictEqual({});
  expectTypeOf(defined({ name: ['a'].join(), threads })).branded.toEqualTypeOf<{
    readonly name: string;
    readonly threads?: number;
  }>();
});

test('in a spread, an entry that is undefined does not replace the one before it', () => {
  const found: Options = { name: 'a', threads: 2, ...defined({ threads: [4, undefined].at(1) }) };
  expect(found).toStrictEqual({ name: 'a', threads: 2 });
});
