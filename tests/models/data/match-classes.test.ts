import { describe, expect, test } from 'vitest';
import { matchClasses, withClasses } from '../../../models/data/match-classes.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import { DataError } from '../../../src/shared/errors.ts';

/** A network with this many logits, or with these names for them. */
function network(logits: number | readonly string[]) {
  const names = typeof logits === 'number' ? undefined : logits;
  const shape = [names?.length ?? (logits as number)];
  const graph = { name: 'net', inputs: [], outputs: [{ name: 'y', shape }], nodes: [] };
  return { graph: { ...graph, ...(names && { classes: names }) }, weights: new Map() };
}

/** One image of each class. */
function data(classes: readonly string[], classOrder?: Dataset['classOrder']): Dataset {
  const labels = Uint8Array.from(classes, (_, i) => i);
  const own = { name: 'data', classes, shape: [1], images: labels, labels, n: classes.length };
  return { ...own, ...(classOrder && { classOrder }) };
}

describe('a network with names', () => {
  test('the same names in the same order are left alone', () => {
    const given = data(['cat', 'dog', 'owl'], 'names');
    expect(matchClasses(network(['cat', 'dog', 'owl']), given)).toEqual({ dataset: given, note: undefined });
  });

  test('the same names in another order get the numbers of the logits, and it is said', () => {
    const { dataset, note } = matchClasses(
      network(['owl', 'cat', 'dog']),
      data(['cat', 'dog', 'owl'], 'names'),
    );
    expect([...dataset.labels]).toEqual([1, 2, 0]);
    expect(dataset.classes).toEqual(['owl', 'cat', 'dog']);
    expect(note).toBe('data: its classes are matched by their names');
  });

  test('some of the names, written otherwise', () => {
    const { dataset, note } = matchClasses(
      network(['T-shirt', 'Ankle boot', 'Bag']),
      data(['ankle_boot'], 'folders'),
    );
    expect([...dataset.labels]).toEqual([1]);
    expect(note).toMatch(/matched by their names/);
  });

  test('numbers in the data are numbers of logits', () => {
    const { dataset, note } = matchClasses(network(['cat', 'dog', 'owl']), data(['0', '1', '2']));
    expect([...dataset.labels]).toEqual([0, 1, 2]);
    expect(dataset.classes).toEqual(['cat', 'dog', 'owl']);
    expect(note).toBeUndefined();
  });

  test('a name that it does not have is refused, however many others there are', () => {
    expect(() => matchClasses(network(['T-shirt/top', 'Bag']), data(['Bag', 'T-shirt'], 'names'))).toThrow(
      /data: its class 'T-shirt' is none of those of net: T-shirt\/top, Bag; .*--classes/,
    );
  });

  test('two names that differ in punctuation only do not both match one', () => {
    expect(() => matchClasses(network(['a b', 'c']), data(['a-b', 'ab'], 'names'))).toThrow(DataError);
  });
});

describe('a network without names', () => {
  test('one folder named by a number is that logit', () => {
    const { dataset, note } = matchClasses(network(10), data(['3'], 'folders'));
    expect([...dataset.labels]).toEqual([3]);
    expect(dataset.classes).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(note).toBe(
      'data: the names of its classes are taken for numbers; it has 1 of the 10 classes of net',
    );
  });

  test('numbers from 1 on would be a guess', () => {
    expect(() => matchClasses(network(3), data(['1', '2', '3'], 'folders'))).toThrow(
      /it has a class 3, but net numbers its 3 classes from 0 to 2; .*--classes/,
    );
  });

  test('folders, one for each logit, are in alphabetical order, and it is said', () => {
    const { dataset, note } = matchClasses(network(2), data(['cat', 'dog'], 'folders'));
    expect([...dataset.labels]).toEqual([0, 1]);
    expect(note).toMatch(/its folders are taken for the classes in alphabetical order: cat, dog/);
  });

  test('fewer folders than logits would be a guess', () => {
    expect(() => matchClasses(network(10), data(['cat'], 'folders'))).toThrow(/would be a guess.*--classes/);
  });

  test('names in a column have no order', () => {
    expect(() => matchClasses(network(2), data(['cat', 'dog'], 'names'))).toThrow(/would be a guess/);
  });

  test('labels that the data itself numbers stay; that there are fewer is said', () => {
    const { dataset, note } = matchClasses(network(3), data(['cat', 'dog']));
    expect([...dataset.labels]).toEqual([0, 1]);
    expect(dataset.classes).toEqual(['cat', 'dog', '2']);
    expect(note).toBe('data: it has 2 of the 3 classes of net');
  });

  test('more classes than logits are refused', () => {
    expect(() => matchClasses(network(1), data(['cat', 'dog']))).toThrow(
      /data: it has 2 classes, but net knows 1/,
    );
  });

  test('matching what is matched changes nothing', () => {
    const model = network(10);
    const { dataset } = matchClasses(model, data(['3', '7'], 'folders'));
    expect(matchClasses(model, dataset)).toEqual({ dataset, note: undefined });
  });

  test('names of data are taken over, numbers are not', () => {
    expect(withClasses(network(2), ['cat', 'dog']).graph.classes).toEqual(['cat', 'dog']);
    expect(withClasses(network(2), ['3', '7']).graph.classes).toEqual(['3', '7']);
    expect(withClasses(network(2), ['0', '1']).graph.classes).toBeUndefined();
    expect(withClasses(network(['a', 'b']), ['cat', 'dog']).graph.classes).toEqual(['a', 'b']);
    expect(withClasses(network(3), ['cat', 'dog']).graph.classes).toBeUndefined();
  });
});
