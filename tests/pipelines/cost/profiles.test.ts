import { expect, test } from 'vitest';
import { describeProfile, isUnshaped, parseProfiles, profiles } from '../../../pipelines/cost/profiles.ts';
import { UsageError } from '../../../src/shared/errors.ts';

test('a list of names', () => {
  expect(parseProfiles('wan, lan')).toEqual([profiles.wan, profiles.lan]);
  expect(parseProfiles('loopback').map(isUnshaped)).toEqual([true]);
  expect(parseProfiles('wan,lan').some(isUnshaped)).toBe(false);
});

test.each(['', 'lan,', 'moon', 'lan,lan', 'toString'])('no list of profiles: %j', (text) => {
  expect(() => parseProfiles(text)).toThrow(UsageError);
});

test('in words', () => {
  expect(describeProfile(profiles.lan)).toBe('1 Gbit/s, 0.5 ms round trip');
  expect(describeProfile(profiles.wan)).toBe('100 Mbit/s, 40 ms round trip');
});
