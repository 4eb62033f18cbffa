import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { liveEdits, LiveTarget, visitors } from './live.ts';
import type { Side } from './parties.ts';

/** Every message of a live session, every edit. */
const pool = new ThreadPool(1);
afterAll(() => pool.close());

describe.each(Object.entries(visitors))('the client of %s', (_, visitor) => {
  let target: LiveTarget;
  beforeAll(async () => {
    target = await LiveTarget.start(pool, visitor);
  });
  afterAll(() => target.close());

  test.each<Side>(['client', 'server'])('every message to the %s over a socket', async (side) => {
    const faults: string[] = [];
    // The goodbye is the last message to the server; what comes of it harms nobody.
    const count = target.tagsTo[side].length - (side === 'server' ? 1 : 0);
    for (let at = 0; at < count; at++) {
      for (const edit of liveEdits) {
        // The last message twice: the second finds nobody.
        const unread = edit.name === 'twice' && side === 'client' && at === count - 1;
        faults.push(...(await target.attack(side, at, { ...edit, harmless: edit.harmless || unread })));
      }
    }
    expect(faults).toEqual([]);
  });
});
