import { afterAll, expect, test } from 'vitest';
import { ciphertextSpace } from '../../../crypto/he/engine.ts';
import { growBy } from '../../../crypto/he/kernels.ts';
import { linearRequestBytes } from '../../../crypto/he/linear.ts';
import { linearScheme, loadSeal, resetSeal } from '../../../crypto/he/seal.ts';
import { allJobs } from '../../../crypto/worker/all-jobs.ts';
import { perform } from '../../../crypto/worker/perform.ts';
import type { Outcome, Task } from '../../../crypto/pool/pool.ts';
import { convolution } from '../../helpers/protocol/convolution.ts';
import { heTools, newHeap } from '../../helpers/protocol/he.ts';

/** What a pool's thread does, done in the test's thread. */
async function run(task: Task): Promise<Outcome> {
  return (await perform(allJobs, task, heTools)).outcome;
}

const heap = newHeap();
const keys: Task = { name: 'generateKey', input: { heap } };
afterAll(resetSeal);

test('after a trap in WASM the thread has another SEAL and goes on', async () => {
  expect(await run(keys)).toHaveProperty('value');
  const before = await loadSeal();
  const { context } = await linearScheme();
  // A handle that points beyond the heap: the next call traps, as a broken heap would.
  (context as unknown as { $$: { ptr: number } }).$$.ptr = 0xffff_fff0;
  expect(await run(keys)).toEqual({ failure: expect.stringMatching(/out of bounds/) as string });
  expect(await loadSeal()).not.toBe(before);
  expect(await run(keys)).toHaveProperty('value');
});

test('a malformed message is the peer’s fault and costs the thread nothing', async () => {
  const before = await loadSeal();
  const spec = convolution(2, 3, 6, 3);
  const bytes = new Uint8Array(linearRequestBytes(spec)).fill(0xff);
  const inputs = growBy(heap.memory, ciphertextSpace);
  const input = { heap, request: bytes, inputs, from: 0, to: 1 };
  expect(await run({ name: 'readLinear', input })).toEqual({
    peerFault: expect.stringMatching(/^linear request: expected residues/) as string,
  });
  expect(await loadSeal()).toBe(before);
});

test('keys leave the thread without a copy', async () => {
  const { outcome, moved } = await perform(allJobs, keys, heTools);
  const { value } = outcome as { value: Uint32Array };
  expect(moved).toEqual([value.buffer]);
});
