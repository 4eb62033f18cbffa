import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { retried } from '../../../src/net/retry.ts';
import { ConnectionError, ProtocolError, RefusedError } from '../../../src/shared/errors.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** Tries on a clock that goes on only while the tries wait, and the seconds that it has gone on. */
async function tried(
  ...given: Parameters<typeof retried<number>>
): Promise<{ tries: number; seconds: number }> {
  const start = performance.now();
  let isOver = false;
  const outcome = retried(...given).finally(() => (isOver = true));
  outcome.catch(() => undefined);
  while (!isOver) await vi.advanceTimersToNextTimerAsync();
  return { tries: await outcome, seconds: (performance.now() - start) / 1000 };
}

/** Fails with each of these in turn, then answers with the number of tries. */
function failing(...errors: Error[]): { work: () => Promise<number>; tries: () => number } {
  let count = 0;
  const work = () => {
    const error = errors[count++];
    return error === undefined ? Promise.resolve(count) : Promise.reject(error);
  };
  return { work, tries: () => count };
}

const soon = () => new RefusedError('busy', 0.01);

describe('where nothing was spent, it tries again', () => {
  test.each([
    ['a refusal with a time', soon()],
    ['a connection that was lost', new ConnectionError('no connection')],
  ])('after %s', async (_, error) => {
    const waits: number[] = [];
    const onRetry = (reason: Error, seconds: number) => {
      expect(reason).toBe(error);
      waits.push(seconds);
    };
    expect(await tried({ retrySeconds: 5, onRetry }, failing(error).work)).toMatchObject({ tries: 2 });
    expect(waits[0]).toBeGreaterThanOrEqual(0.25);
    expect(waits[0]).toBeLessThanOrEqual(0.5);
  });

  test('no sooner than the server says', async () => {
    const waits: number[] = [];
    const { work } = failing(new RefusedError('busy', 0.7));
    const { seconds } = await tried({ retrySeconds: 5, onRetry: (_, wait) => waits.push(wait) }, work);
    expect([...waits, seconds]).toEqual([0.7, 0.7]);
  });

  test('sooner where the session would end in the meantime', async () => {
    const { seconds } = await tried({ retrySeconds: 60 }, failing(new RefusedError('busy', 50)).work, 0.05);
    expect(seconds).toBe(0.05);
  });
});

describe('else it fails at once', () => {
  test.each([
    ['a refusal without a time', new RefusedError('too many prepared')],
    ['a refusal for longer than it may wait', new RefusedError('busy', 61)],
    ['a peer at fault', new ProtocolError('nonsense')],
    ['an error of its own', new Error('bug')],
  ])('after %s', async (_, error) => {
    const { work, tries } = failing(error, error);
    await expect(tried({ retrySeconds: 60 }, work)).rejects.toBe(error);
    expect(tries()).toBe(1);
  });

  test('and without seconds to wait', async () => {
    const { work, tries } = failing(soon(), soon());
    await expect(tried({}, work)).rejects.toThrow('busy');
    expect(tries()).toBe(1);
  });
});
