import { afterAll, beforeAll } from 'vitest';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { KeyRing, partiesOf, record } from './parties.ts';
import type { Parties, Transcript } from './parties.ts';

/**
 * Two parties, the frames of a session of theirs with its answer, and those of another with the same keys.
 */
export type Recorded = {
  readonly parties: Parties;
  readonly transcript: Transcript;
  readonly answer: readonly number[];
  readonly other: Transcript;
};

/**
 * Records before the file's tests and closes the pool after them; what it returns gives the record within a
 * test.
 */
export function recordedSessions(threads: number): () => Recorded {
  const pool = new ThreadPool(threads);
  let recorded: Recorded;
  beforeAll(async () => {
    const keys = new KeyRing(pool);
    const parties = partiesOf(pool, keys, 'this');
    const { transcript: other } = await record(partiesOf(pool, keys, 'another'));
    recorded = { parties, other, ...(await record(parties)) };
  });
  afterAll(() => pool.close());
  return () => recorded;
}
