import { expect, test, vi } from 'vitest';
import * as evaluation from '../../../crypto/gc/evaluate.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import type { Ring } from '../../../crypto/ring/kernels.ts';
import { warmUpClient, warmUpServer } from '../../../crypto/steps/warm-up.ts';

vi.mock(import('../../../crypto/gc/evaluate.ts'), { spy: true });

test('the online halves run on layers of zeros, once a process however often it is asked for', async () => {
  const evaluate = vi.mocked(evaluation.evaluateGarbled);
  warmUpClient();
  const calls = evaluate.mock.calls.length;
  expect(calls).toBeGreaterThan(1);
  warmUpClient();
  expect(evaluate.mock.calls).toHaveLength(calls);
  const ring = await loadRing();
  const conv = vi.fn<Ring['conv']>((...args) => ring.conv(...args));
  warmUpServer({ ...ring, conv });
  expect(conv.mock.calls.length).toBeGreaterThan(1);
});
