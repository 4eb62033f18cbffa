import { expect, test, vi } from 'vitest';
import * as online from '../../../crypto/sign/online.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import type { Ring } from '../../../crypto/ring/kernels.ts';
import { warmUpClient, warmUpServer } from '../../../crypto/steps/warm-up.ts';

vi.mock(import('../../../crypto/sign/online.ts'), { spy: true });

test('the online halves run on layers of zeros, once a process however often it is asked for', async () => {
  const evaluate = vi.mocked(online.clientBits);
  await warmUpClient();
  const calls = evaluate.mock.calls.length;
  expect(calls).toBeGreaterThan(1);
  await warmUpClient();
  expect(evaluate.mock.calls).toHaveLength(calls);
  const ring = await loadRing();
  const conv = vi.fn<Ring['conv']>((...args) => ring.conv(...args));
  await warmUpServer({ ...ring, conv });
  expect(conv.mock.calls.length).toBeGreaterThan(1);
});
