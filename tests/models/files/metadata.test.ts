import { expect, test } from 'vitest';
import { publicName } from '../../../models/data/training-data.ts';
import { descriptionOf, metadataOf } from '../../../models/files/metadata.ts';

const ends = { inputs: [{ name: 'x', shape: [3, 8, 8] }], outputs: [{ name: 'y', shape: [2] }] };
const read = (entries: Record<string, string>) => descriptionOf(new Map(Object.entries(entries)), ends);

test('what is written is read', () => {
  const description = {
    preprocessing: { mean: [0.5, 0.25, 0.125], std: [1, 2, 3], resize: 10 },
    classes: ['cat', 'dog'],
  };
  expect(read(metadataOf(description))).toEqual(description);
  expect(metadataOf({})).toEqual({});
  expect(read({})).toEqual({});
});

test('the trainings are kept, and no path of them', () => {
  const data = { name: 'csv:faces.csv@32', hash: 'a'.repeat(64), images: 7, heldOut: 0.5 };
  const history = [
    { step: 'train', data },
    { step: 'reduce', data, method: 'snl', relus: 3, mitigation: { scheme: 'balanced', groups: 'race' } },
  ] as const;
  expect(read(metadataOf({ history }))).toEqual({ history });
  for (const wrong of ['[{}]', '[{"step":"train","data":{"name":"x","hash":"../","images":1,"heldOut":0}}]'])
    expect(() => read({ 'reluctant.history': wrong })).toThrow(/metadata reluctant\.history/);
  expect(publicName('csv:/home/me/faces.csv@32+unequal=0.9/0.1')).toBe('csv:faces.csv@32+unequal=0.9/0.1');
  expect(publicName('idx:C:\\my data\\images,/tmp/labels')).not.toMatch(/tmp|C:/);
  expect(publicName('fashion-mnist+shifted=0.1')).toBe('fashion-mnist+shifted=0.1');
});

test('bits that sign tests leave out are kept, and refused where no sign test has so many', () => {
  const leftOut = { 'stage1.relu': 3, stem: 0 };
  expect(read(metadataOf({ leftOut }))).toEqual({ leftOut });
  for (const wrong of ['[1]', '{"stem": -1}', '{"stem": 1.5}', '{"stem": 17}', '{"stem": "2"}'])
    expect(() => read({ 'reluctant.leftOut': wrong })).toThrow(/metadata reluctant\.leftOut/);
});

test.each([
  ['JSON', 'classes', '["cat", "dog"]'],
  ["Ultralytics' dictionary", 'names', `{0: 'cat', 1: "dog"}`],
])('names of other exporters: %s', (_, key, text) => {
  expect(read({ [key]: text })).toEqual({ classes: ['cat', 'dog'] });
});

test.each([
  ['three names for two logits', { names: "{0: 'a', 1: 'b', 2: 'c'}" }],
  ['a name twice', { classes: '["cat", "cat"]' }],
  ['numbers out of order', { names: "{1: 'a', 0: 'b'}" }],
  ['something else', { classes: 'yes' }],
])('of others, %s are not taken for names', (_, entries) => {
  expect(read(entries)).toEqual({});
});

test.each([
  ['reluctant.preprocessing', '{"mean": [0, 0], "std": [1, 1]}', /mean: expected 3 numbers/],
  ['reluctant.preprocessing', '{"mean": [0, 0, 0], "std": [1, 0, 1]}', /std|0/],
  ['reluctant.preprocessing', 'none', /metadata reluctant\.preprocessing/],
  ['reluctant.classes', '["cat"]', /expected 2 names, one for each logit, got 1/],
])('our own entry %s = %s is refused where it does not fit', (key, text, message) => {
  expect(() => read({ [key]: text })).toThrow(message);
});
