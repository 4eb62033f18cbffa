import { describe, expect, test } from 'vitest';
import { retried } from '../../../src/net/retry.ts';
import { ConnectionError, ProtocolError, RefusedError } from '../../../src/shared/errors.ts';

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
    await expect(retried({ retrySeconds: 5, onRetry }, failing(error).work)).resolves.toBe(2);
    expect(waits[0]).toBeGreaterThanOrEqual(0.25);
    expect(waits[0]).toBeLessThanOrEqual(0.5);
  });

  test('no sooner than the server says', async () => {
    const waits: number[] = [];
    const { work } = failing(new RefusedError('busy', 0.7));
    await retried({ retrySeconds: 5, onRetry: (_, seconds) => waits.push(seconds) }, work);
    expect(waits).toEqual([0.7]);
  });

  test('sooner where the session would end in the meantime', async () => {
    const start = performance.now();
    await retried({ retrySeconds: 60 }, failing(new RefusedError('busy', 50)).work, 0.05);
    expect(performance.now() - start).toBeLessThan(5000);
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
    await expect(retried({ retrySeconds: 60 }, work)).rejects.toBe(error);
    expect(tries()).toBe(1);
  });

  test('and without seconds to wait', async () => {
    const { work, tries } = failing(soon(), soon());
    await expect(retried({}, work)).rejects.toThrow('busy');
    expect(tries()).toBe(1);
  });
});
