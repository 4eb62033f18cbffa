import { afterAll, expect, vi } from 'vitest';

/** The variables of the environment that the program reads. */
const read = /^(RELUCTANT|XDG)_/;

/** What a test file may change of the process that it shares with others. */
const shared = () => ({
  env: Object.entries(process.env).filter(([name]) => read.test(name)),
  folder: process.cwd(),
  fakeTimers: vi.isFakeTimers(),
});

// Vitest runs this anew for each file: one that leaves its process changed fails, and its spies end with it.
const before = shared();
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  expect(shared()).toEqual(before);
});
