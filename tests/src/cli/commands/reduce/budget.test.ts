import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseBudget, writeBudget } from '../../../../../pipelines/cost/budget.ts';
import { checkAgainst, costText, countOf } from '../../../../../src/cli/commands/reduce/settings.ts';
import { UsageError } from '../../../../../src/shared/errors.ts';
import { cli } from '../../../../helpers/processes/cli.ts';
import { tinyResnet } from '../../../../helpers/networks/networks.ts';

test('only hybrid takes seconds and bytes; a count is checked for all', () => {
  const model = tinyResnet();
  const cost = parseBudget('0.3s@wan');
  expect(countOf(model, cost)).toBeUndefined();
  expect(countOf(model, 0.5)).toBe(480);
  expect(() => countOf(model, 5000)).toThrow(UsageError);
  expect(() => checkAgainst(undefined, 'other.onnx')).toThrow(UsageError);
  checkAgainst(480, 'other.onnx');
});

test('a budget as it is written reads back', () => {
  for (const text of ['0.25', '12000', '0.3s@wan', '20000000B@lan:total', '0.001s@lan:offline']) {
    expect(writeBudget(parseBudget(text))).toBe(text);
  }
});

test('what a budget in seconds came to, in words', () => {
  const cost = {
    budget: '300 ms online on wan',
    unit: 'seconds',
    before: 0.4,
    after: 0.29,
    planHash: '',
  } as const;
  expect(costText(cost)).toBe(
    '\npredicted cost of an inference: 290 ms, budget 300 ms online on wan (before: 400 ms)',
  );
  const bits = { activationBits: 6, weightBits: 11, agree: 1180, images: 1186, isShown: true };
  expect(costText({ ...cost, bits })).toBe(
    `${costText(cost)}\nserve it with --activation-bits 6 --weight-bits 11: 1,180 of 1,186 labels are the network's own`,
  );
  expect(costText({ ...cost, bits: { ...bits, isShown: false } })).toMatch(
    /own, fewer than the agreement that was asked for$/,
  );
  expect(costText(undefined)).toBe('');
});

test.each([
  ['deepreduce', '0.3s@wan', /a budget in seconds or bytes: deepreduce does not take it; hybrid does/],
  ['hybrid', '0.3h@wan', /got '0.3h@wan'/],
])(
  'reduce --method %s --budget %s exits with 2 before it trains',
  async (method, budget, message) => {
    const out = join(tmpdir(), 'never.onnx');
    const { code, stderr } = await cli([
      ...['reduce', 'zoo:fashion-resnet8', '--method', method, '--budget', budget],
      ...['--data', 'fashion-mnist-part', '--out', out],
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  },
  180_000,
);
