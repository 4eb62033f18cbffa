import { expect, test } from 'vitest';
import { DivergedError, fit } from '../../../models/train/fit.ts';
import type { FitOptions } from '../../../models/train/fit.ts';
import { watchLosses } from '../../../models/train/loss-watch.ts';
import { bars } from '../../helpers/data/data.ts';
import { barResnet } from '../../helpers/networks/networks.ts';

const usual = [2.3, 2.1, 1.7, 1.9, 0.4, 0.02, 0.1, 1.2];
const huge = [1e3, 1.7e16, 3e4, 3e18];

test.each<[string, readonly number[], boolean, boolean]>([
  ['falls', usual, false, false],
  ['rises from almost 0 as steps do', [...usual, 2, 9, 4, 30, 5, 0.1, 2, 2], false, false],
  ['has a huge start', [1e12, 1e7, 5e5, 100, 3, 2, 2.5, 2], false, false],
  ['is huge in most of the last steps', [...usual.slice(0, 4), ...huge], true, true],
  ['rises from a high start', [300, 400, 250, 400, 4e4, 5e4, 3e4, 6e4], true, true],
  ['has a huge step, from which training goes on but must not end', [...usual, 1e33, ...usual], false, true],
  ['is huge throughout', Array<number>(6).fill(1e12), false, true],
])('a loss that %s', (_title, losses, lost, lostAtEnd) => {
  expect(watchLosses()(losses, false)).toBe(lost);
  expect(watchLosses()(losses, true)).toBe(lostAtEnd);
});

test('an epoch is compared with those before it', () => {
  const isLost = watchLosses();
  expect(isLost(usual, false)).toBe(false);
  expect(isLost(Array<number>(6).fill(150), false)).toBe(true);
  expect(watchLosses()(Array<number>(6).fill(150), false)).toBe(false);
});

const options: FitOptions = {
  ...{ train: bars(96, 1), validation: bars(60, 2), epochs: 2, batch: 16, augment: false },
  ...{ learningRate: 1000, seed: 1, threads: 1 },
};

test('a training whose losses are numbers, of billions, has diverged; one at a usual rate has not', async () => {
  const found = fit(barResnet(), options);
  await expect(found).rejects.toThrow(DivergedError);
  await expect(found).rejects.toThrow(
    /diverged in epoch \d, step \d+: the loss has grown to [\d.]+e\+\d+; lower the learning rate \(it is 1000\)/,
  );
  const { history } = await fit(barResnet(), { ...options, learningRate: 0.1 });
  expect(history).toHaveLength(2);
});
