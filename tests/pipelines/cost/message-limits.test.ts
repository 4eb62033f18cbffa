import { describe, expect, test } from 'vitest';
import { maxPayloadBytes } from '../../../crypto/channel/channel.ts';
import { partBytes, tablesBytes } from '../../../crypto/steps/activation/messages.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { elementKinds } from '../../../crypto/spec.ts';
import type { ActivationSpec } from '../../../crypto/spec.ts';
import { noise, preparedOnNoise, randomNetwork } from '../../../pipelines/bench/network.ts';
import { checkMessages, maxMessageBytes } from '../../../pipelines/cost/message-limits.ts';
import { maxElements } from '../../../pipelines/plan/check.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { connect } from '../../../src/client.ts';
import { startServer } from '../../../src/server.ts';
import { PlanError, ProtocolError } from '../../../src/shared/errors.ts';
import { tinyPlan } from '../../helpers/networks.ts';

/** Without squares, whose products come in a message of their own. */
const network = preparedOnNoise(randomNetwork({ arch: 'resnet8', size: 8, channels: 1, classes: 3 }));

/** The smallest limit under which a plan is let through. */
function needOf(plan: Plan): number {
  const fits = (limit: number) => {
    try {
      checkMessages(plan, limit);
      return true;
    } catch {
      return false;
    }
  };
  let [low, high] = [0, maxMessageBytes];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function reluSpecOf({ steps: [step] }: Plan): ActivationSpec {
  return (step as Extract<typeof step, { kind: 'activation' }>).spec;
}

/** A plan of one activation layer with so many ReLUs. */
function planOf(relus: number): Plan {
  const kinds = new Uint8Array(relus).fill(elementKinds.relu);
  const relu = { truncate: 8, k: 8, bits: 26, mode: 'posZero' } as const;
  const mixed = tinyPlan.steps.find((step) => step.kind === 'activation')!;
  const spec: ActivationSpec = { ...mixed.spec, channels: 2, channelSize: relus / 2, kinds, relu };
  return { ...tinyPlan, steps: [{ ...mixed, node: 'relu1', spec }] };
}

describe('a layer whose message is larger than clients accept', () => {
  test('is refused by name; a layer of sign tests takes no longer message the more of them it has', () => {
    const ofPart = 16 + partBytes(reluSpecOf(planOf(4096)))[0]!.message;
    const checking = () => checkMessages(planOf(2_500_000), ofPart - 1);
    expect(checking).toThrow(PlanError);
    expect(checking).toThrow(
      /^relu1: it needs a message of [\d,]+ bytes, but clients accept at most [\d,]+$/,
    );
    for (const relus of [2_500_000, 10_000_000])
      expect(() => checkMessages(planOf(relus), ofPart)).toThrow(/^sign tests: transfers come in/);
  });

  test('is told where it is a linear one', () => {
    const [linear] = tinyPlan.steps;
    const checking = () => checkMessages({ ...tinyPlan, steps: [linear!] }, 1000);
    expect(checking).toThrow(
      /^conv: it needs a message of [\d,]+ bytes, but clients accept at most 1,000; use smaller/,
    );
  });

  test('is told where the transfers of all layers are larger', () => {
    // Two ReLUs take 54 rows in one block: 31 bits for each of 128 rows and 128 of the check, and 48 bytes.
    const bytes = 16 + 31 * (256 / 8) + 48;
    expect(() => checkMessages(planOf(2), bytes)).not.toThrow();
    expect(() => checkMessages(planOf(2), bytes - 1)).toThrow(`transfers come in 1,056 bytes`);
  });

  test('fits a frame in each direction, whatever its sign tests, where a plan may have it', () => {
    const spec = reluSpecOf(planOf(maxElements));
    const widest = { ...spec, relu: { ...spec.relu, truncate: 29, k: 0, bits: 31 } };
    expect(tablesBytes(widest)).toBeGreaterThan(2 ** 27);
    expect(tablesBytes(widest)).toBeLessThanOrEqual(maxPayloadBytes);
    for (const { message, reply } of partBytes(widest))
      if (Math.max(message, reply) > 2 ** 16) expect.fail('a part of 2^16 bytes');
  });

  test('is not served at all', async () => {
    const prepared = await network;
    const limit = needOf(prepared.plan) - 1;
    await expect(startServer({ ...prepared, maxMessageBytes: limit })).rejects.toThrow(PlanError);
  });

  test('is one of exactly this size: a client that takes a byte less fails in mid-protocol', async () => {
    const prepared = await network;
    const need = needOf(prepared.plan);
    const server = await startServer({ ...prepared, threads: 1, maxMessageBytes: need });
    const pool = new ThreadPool(1);
    try {
      const inference = async (limit: number) => {
        const session = await connect(server.url, { pool, maxMessageBytes: limit, transfers: 'softspoken' });
        try {
          return (await session.infer(noise(64))).logits!.length;
        } finally {
          await session.close();
        }
      };
      expect(await inference(need)).toBeGreaterThan(0);
      await expect(inference(need - 1)).rejects.toThrow(ProtocolError);
    } finally {
      await server.close();
      await pool.close();
    }
  });
});
